#include "classify.h"

#include <string>

namespace tocsin::output_webpush {

sdk::Verdict classify(sdk::Verdict by_http, std::uint32_t status, std::string_view location) {
  const std::string answered = "the push service answered " + std::to_string(status);
  switch (status) {
    case 404:
    case 410:
      return sdk::Verdict::target_gone(answered + ": the subscription is over");
    // They tell a broken token or key from a broken subscription in words only, each in others:
    // what is doubtful must not end a subscription.
    case 400:
    case 401:
    case 403:
      return sdk::Verdict::unauthorized(answered + ": it does not take our key");
    case 413:
      return sdk::Verdict::rejected(answered + ": the message is too large for it");
    default:
      if (by_http.kind == TOCSIN_DELIVERED) by_http.provider_id = location;
      return by_http;
  }
}

}  // namespace tocsin::output_webpush
