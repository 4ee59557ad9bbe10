#include "settings.h"

#include <chrono>

namespace tocsin::output_webpush {

bool Settings::load(const sdk::Setup& setup, sdk::Fault& fault) {
  std::string option;
  const std::string why = vapid.read(setup.settings["private_key"].text_view(),
                                     setup.settings["subject"].text_view(), option);
  if (!why.empty()) return fault.refuse(why, option);
  body = setup.settings["body"].text();
  sdk::Template tried;
  if (!body.empty() && !tried.compile(setup.host, body, sdk::Escape::kJson, fault, "body")) {
    return false;
  }
  ttl_seconds = std::chrono::floor<std::chrono::seconds>(setup.settings["ttl"].duration()).count();
  return transport.load_guarded(setup, fault);
}

}  // namespace tocsin::output_webpush
