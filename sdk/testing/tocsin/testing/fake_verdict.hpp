#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "tocsin/plugin.h"
#include "tocsin/sdk/text.hpp"

namespace tocsin::testing {

/// The gateway's own table from an HTTP answer to a verdict, but for Retry-After dates; a test of
/// the gateway compares the two.
struct FakeVerdict {
  std::uint32_t kind = TOCSIN_DELIVERED;
  std::uint32_t scope = TOCSIN_SCOPE_OUTPUT;
  std::int64_t after_ns = 0;
  std::string reason;
};

namespace detail {

inline bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// -1: none.
inline std::int64_t retry_after_seconds(const tocsin_http_response& response) {
  const sdk::Items<tocsin_header> headers(response.headers, response.header_count,
                                          response.header_stride);
  for (const tocsin_header& header : headers) {
    if (!same_name(sdk::view(header.name), "retry-after")) continue;
    const std::string_view text = sdk::view(header.value);
    std::uint64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) return -1;
    return static_cast<std::int64_t>(std::min<std::uint64_t>(seconds, 86'400));
  }
  return -1;
}

}  // namespace detail

inline FakeVerdict fake_verdict(const tocsin_http_response& response) {
  FakeVerdict verdict;
  if (response.failure != TOCSIN_HTTP_ANSWERED) {
    const bool harmless = response.sent == 0 || (response.flags & TOCSIN_HTTP_IDEMPOTENT) != 0;
    verdict.kind = harmless ? TOCSIN_RETRY : TOCSIN_AMBIGUOUS;
    verdict.reason = "the receiver did not answer";
    return verdict;
  }
  const std::uint32_t status = response.status;
  if (status >= 200 && status < 300) return verdict;
  verdict.reason = "the receiver answered " + std::to_string(status);
  const std::int64_t after = detail::retry_after_seconds(response);
  const bool throttled = status == 429 || (status == 503 && after >= 0);
  if (throttled || status >= 500 || status == 408 || status == 425) {
    verdict.kind = throttled ? TOCSIN_THROTTLED : TOCSIN_RETRY;
    verdict.after_ns = std::max<std::int64_t>(after, 0) * 1'000'000'000;
  } else if (status == 401 || status == 403 || status == 407) {
    verdict.kind = TOCSIN_UNAUTHORIZED;
    verdict.scope = TOCSIN_SCOPE_ACCOUNT;
  } else if (status == 410) {
    verdict.kind = TOCSIN_TARGET_GONE;
    verdict.scope = TOCSIN_SCOPE_ADDRESS;
  } else {
    verdict.kind = TOCSIN_REJECTED;
  }
  return verdict;
}

}  // namespace tocsin::testing
