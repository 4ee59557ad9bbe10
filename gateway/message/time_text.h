#pragma once

#include <array>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace tocsin::message {

/// An instant as RFC 3339 writes it, with a zone: "2026-01-31T23:59:59.5Z",
/// "2026-01-31T23:59:59+01:00". Digits finer than a nanosecond are cut; second 60 is the next
/// minute. Errors are Code::kInvalid and say what would be right.
Result<WallTime> parse_time(std::string_view text);

using TimeBuffer = std::array<char, 32>;

/// The same instant in UTC, with as many digits of a second as it takes (0, 3, 6 or 9). The text
/// stands in `buffer`.
std::string_view format_time(WallTime time, TimeBuffer& buffer);

}  // namespace tocsin::message
