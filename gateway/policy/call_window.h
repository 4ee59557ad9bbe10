#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/policy/time_window.h"

namespace tocsin::policy {

/// What became of the calls in a window.
struct CallCounts {
  std::uint32_t calls = 0;
  std::uint32_t failures = 0;
  std::uint32_t slow = 0;

  CallCounts& operator+=(const CallCounts& other) {
    calls += other.calls;
    failures += other.failures;
    slow += other.slow;
    return *this;
  }
  bool operator==(const CallCounts&) const = default;

  /// Shares of all calls; 0 without calls.
  double failure_rate() const { return calls == 0 ? 0.0 : static_cast<double>(failures) / calls; }
  double slow_rate() const { return calls == 0 ? 0.0 : static_cast<double>(slow) / calls; }
};

/// Remembers the recent calls of one target: the last `calls_max` of them, or those of the last
/// `span`. Memory is fixed at construction. Not synchronised.
class CallWindow {
 public:
  /// A window by count when `calls_max` > 0, else by time.
  CallWindow(std::uint32_t calls_max, Duration span);

  void add(MonoTime now, bool failed, bool slow);
  CallCounts counts(MonoTime now);
  void clear();

 private:
  static constexpr std::uint8_t kFailed = 1;
  static constexpr std::uint8_t kSlow = 2;
  static CallCounts unpack(std::uint8_t call);

  std::vector<std::uint8_t> ring_;  ///< by count: one byte a call; empty by time
  std::size_t next_ = 0;
  CallCounts sum_;  ///< of the ring
  TimeWindow<CallCounts> by_time_;
};

}  // namespace tocsin::policy
