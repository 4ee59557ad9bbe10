#pragma once

#include <cstdint>
#include <optional>

#include "gateway/base/clock.h"

namespace tocsin::telemetry {

/// Keeps a repeating line from flooding the log: at most `lines_max` in each interval, the rest
/// counted. Time is an argument. Belongs to one thread; make one for each place that may repeat.
///
///   if (auto skipped = limiter.admit(now))
///     TOCSIN_LOG(log, kWarning, "event", "accept failed", {"suppressed", *skipped});
class LogLimiter {
 public:
  LogLimiter(std::uint32_t lines_max, Duration interval)
      : lines_max_(lines_max), interval_(interval) {}

  /// The number of lines suppressed since the last admitted one, or nothing when this line is to be
  /// suppressed too. An interval begins with the first line after the last one ended.
  std::optional<std::uint64_t> admit(MonoTime now) {
    if (!started_ || now - begin_ >= interval_) {
      started_ = true;
      begin_ = now;
      admitted_ = 0;
    }
    if (admitted_ >= lines_max_) {
      ++suppressed_;
      return std::nullopt;
    }
    ++admitted_;
    const std::uint64_t skipped = suppressed_;
    suppressed_ = 0;
    return skipped;
  }

 private:
  const std::uint32_t lines_max_;
  const Duration interval_;
  MonoTime begin_{};
  std::uint32_t admitted_ = 0;
  std::uint64_t suppressed_ = 0;
  bool started_ = false;
};

}  // namespace tocsin::telemetry
