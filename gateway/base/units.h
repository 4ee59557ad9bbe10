#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace tocsin {

/// So many events per period, e.g. 10/s.
struct Rate {
  double count = 0;
  Duration period = std::chrono::seconds(1);
  double per_second() const { return count / std::chrono::duration<double>(period).count(); }
  bool operator==(const Rate&) const = default;
};

/// "500ms" "30s" "5m" "2h" "7d", also "us" and "1.5s"; a sum such as "1h30m" is allowed. A number
/// without unit is refused, except a bare 0. Errors are Code::kInvalid and say what would be right.
Result<Duration> parse_duration(std::string_view text);

/// "512B" "64KiB" "1MiB" "10GiB" and the decimal "kB" "MB" "GB"; a bare 0 is allowed. In bytes.
Result<std::uint64_t> parse_size(std::string_view text);

/// "10/s" "600/m" "1000/h" "1/d", also "5/10s". The count may have a fraction.
Result<Rate> parse_rate(std::string_view text);

/// "256B/s" "64KiB/s": a size per second, in bytes per second.
Result<std::uint64_t> parse_byte_rate(std::string_view text);

/// A short text that parses back to the same value, in the largest unit without a remainder.
std::string format_duration(Duration value);
std::string format_size(std::uint64_t bytes);
std::string format_rate(const Rate& value);
std::string format_byte_rate(std::uint64_t bytes_per_second);

}  // namespace tocsin
