#include "gateway/plugin/http_verdict.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "gateway/base/text.h"
#include "gateway/http/date.h"
#include "gateway/http/head.h"
#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;

std::optional<std::string_view> find_header(const tocsin_http_response& response,
                                            std::string_view name) {
  for (std::uint32_t i = 0; i < response.header_count; ++i) {
    const tocsin_header& header = item_of(response.headers, response.header_stride, i);
    if (equals_ignoring_case(view_of(header.name), name)) return view_of(header.value);
  }
  return std::nullopt;
}

// Seconds or a date (RFC 9110 10.2.3); what is neither counts as absent.
std::optional<Duration> retry_after(const tocsin_http_response& response, WallTime wall) {
  const auto text = find_header(response, "Retry-After");
  if (!text) return std::nullopt;
  const std::string_view value = trim(*text);
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (end == value.data() + value.size() && !value.empty()) {
    constexpr auto kMax = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(kRetryAfterMax).count());
    if (error == std::errc::result_out_of_range) return kRetryAfterMax;
    return std::chrono::seconds(std::min(seconds, kMax));
  }
  const std::optional<WallTime> date = http::parse_http_date(value);
  if (!date) return std::nullopt;
  return std::clamp<Duration>(*date - wall, Duration::zero(), kRetryAfterMax);
}

std::string answered_words(std::uint32_t status) {
  return "the receiver answered " + std::to_string(status) + " " +
         std::string(http::reason_phrase(static_cast<int>(status)));
}

Verdict answered(const tocsin_http_response& response, WallTime wall) {
  const std::uint32_t status = response.status;
  Verdict verdict;
  if (status >= 200 && status < 300) {
    verdict.kind = VerdictKind::kDelivered;
    return verdict;
  }
  verdict.reason = answered_words(status);
  const std::optional<Duration> after = retry_after(response, wall);
  if (status == 429 || (status == 503 && after)) {
    verdict.kind = VerdictKind::kThrottled;
    verdict.after = after.value_or(Duration::zero());
  } else if (status >= 500 || status == 408 || status == 425) {
    verdict.kind = VerdictKind::kRetry;
    verdict.after = after.value_or(Duration::zero());
  } else if (status == 401 || status == 403 || status == 407) {
    verdict.kind = VerdictKind::kUnauthorized;
    verdict.scope = VerdictScope::kAccount;
  } else if (status == 410) {
    verdict.kind = VerdictKind::kTargetGone;
    verdict.scope = VerdictScope::kAddress;
  } else {
    verdict.kind = VerdictKind::kRejected;
  }
  return verdict;
}

}  // namespace

Verdict http_verdict(const tocsin_http_response& response, WallTime wall) {
  if (response.failure == TOCSIN_HTTP_ANSWERED) return answered(response, wall);
  Verdict verdict;
  const bool harmless = response.sent == 0 || (response.flags & TOCSIN_HTTP_IDEMPOTENT) != 0;
  verdict.kind = harmless ? VerdictKind::kRetry : VerdictKind::kAmbiguous;
  verdict.reason =
      response.error.len == 0 ? "the receiver did not answer" : copy_of(response.error);
  return verdict;
}

}  // namespace tocsin::plugin
