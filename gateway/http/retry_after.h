#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "gateway/base/clock.h"

namespace tocsin::http {

/// What receivers may ask for at most; a longer Retry-After counts as this.
inline constexpr Duration kRetryAfterMax = std::chrono::hours(24);

/// The value of Retry-After: seconds or a date (RFC 9110 10.2.3), which counts from `wall`. What is
/// neither counts as absent.
std::optional<Duration> parse_retry_after(std::string_view value, WallTime wall);

}  // namespace tocsin::http
