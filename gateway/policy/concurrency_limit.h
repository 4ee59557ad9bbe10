#pragma once

#include <cstdint>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace tocsin::policy {

struct ConcurrencyOptions {
  static constexpr std::uint32_t kLimitMax = 1'000'000;

  std::uint32_t max = 100;  ///< fixed: the limit; adaptive: its upper end
  bool adaptive = false;
  std::uint32_t min = 1;       ///< lower end when adaptive
  std::uint32_t initial = 20;  ///< first limit when adaptive
  double decrease = 0.7;       ///< factor at a sign of overload, within 0 and 1
  /// A call this long is a sign of overload. Zero: learned, slow_factor times the shortest call of
  /// the last one to two baseline_windows.
  Duration slow_call = Duration::zero();
  double slow_factor = 3.0;  ///< above 1
  Duration baseline_window = std::chrono::seconds(60);
  /// After a decrease the calls that were in flight before it are no news; ignore signs for so
  /// long.
  Duration settle = std::chrono::milliseconds(200);

  /// Code::kInvalid naming the setting that cannot work.
  Result<void> check() const;
};

/// How many calls may be in flight: a fixed number, or one that follows the target. Adaptive is
/// additive increase, multiplicative decrease: each limit's worth of good calls adds one, if the
/// limit was in fact being used; an overloaded or slow call multiplies by `decrease`. It stays
/// within [min, max]. Not synchronised: it belongs to one loop.
class ConcurrencyLimit {
 public:
  enum class Outcome : std::uint8_t {
    kSuccess,
    kOverload,  ///< failed as overloaded things fail: timeout, 429, 503, connection refused
    kIgnored,   ///< says nothing: cancelled, rejected for its content
  };

  /// `options` must pass check(); asserts.
  explicit ConcurrencyLimit(const ConcurrencyOptions& options);

  /// True, and one place taken, when there is room.
  bool try_acquire();
  /// Returns a place with what was learned; `latency` counts for kSuccess.
  void release(MonoTime now, Duration latency, Outcome outcome);

  /// New settings at a reload: what is in flight stays, the limit is clamped into the new range.
  void set_options(const ConcurrencyOptions& options);

  std::uint32_t limit() const { return static_cast<std::uint32_t>(limit_); }
  std::uint32_t in_flight() const { return in_flight_; }

 private:
  bool is_slow(MonoTime now, Duration latency);

  ConcurrencyOptions options_;
  double limit_;
  std::uint32_t in_flight_ = 0;
  MonoTime settled_at_ = MonoTime::min();
  MonoTime baseline_turn_ = MonoTime::min();
  Duration shortest_now_ = Duration::max();     ///< since the last turn
  Duration shortest_before_ = Duration::max();  ///< in the window before it
};

}  // namespace tocsin::policy
