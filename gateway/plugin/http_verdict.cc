#include "gateway/plugin/http_verdict.h"

#include <optional>

#include "gateway/base/text.h"
#include "gateway/http/head.h"
#include "gateway/http/retry_after.h"
#include "gateway/plugin/text.h"
#include "gateway/stage/http_verdict.h"

namespace tocsin::plugin {

namespace {

std::optional<std::string_view> find_header(const tocsin_http_response& response,
                                            std::string_view name) {
  for (std::uint32_t i = 0; i < response.header_count; ++i) {
    const tocsin_header& header = item_of(response.headers, response.header_stride, i);
    if (equals_ignoring_case(view_of(header.name), name)) return view_of(header.value);
  }
  return std::nullopt;
}

}  // namespace

message::Verdict http_verdict(const tocsin_http_response& response, WallTime wall) {
  stage::HttpOutcome outcome;
  if (response.failure == TOCSIN_HTTP_ANSWERED) {
    outcome.status = static_cast<int>(response.status);
    outcome.phrase = http::reason_phrase(outcome.status);
    if (const auto value = find_header(response, "Retry-After")) {
      outcome.retry_after = http::parse_retry_after(*value, wall);
    }
  }
  outcome.sent = response.sent != 0;
  outcome.idempotent = (response.flags & TOCSIN_HTTP_IDEMPOTENT) != 0;
  outcome.error = view_of(response.error);
  return stage::http_verdict(outcome);
}

}  // namespace tocsin::plugin
