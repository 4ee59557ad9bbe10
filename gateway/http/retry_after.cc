#include "gateway/http/retry_after.h"

#include <algorithm>
#include <charconv>

#include "gateway/base/text.h"
#include "gateway/http/date.h"

namespace tocsin::http {

std::optional<Duration> parse_retry_after(std::string_view value, WallTime wall) {
  value = trim(value);
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (end == value.data() + value.size() && !value.empty()) {
    constexpr auto kMax = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(kRetryAfterMax).count());
    if (error == std::errc::result_out_of_range) return kRetryAfterMax;
    return std::chrono::seconds(std::min(seconds, kMax));
  }
  const std::optional<WallTime> date = parse_http_date(value);
  if (!date) return std::nullopt;
  return std::clamp<Duration>(*date - wall, Duration::zero(), kRetryAfterMax);
}

}  // namespace tocsin::http
