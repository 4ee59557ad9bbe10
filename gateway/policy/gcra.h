#pragma once

#include <cstdint>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/base/units.h"

namespace tocsin::policy {

/// A rate and a burst, turned once into the two durations every limiter computes with. A value;
/// immutable after make().
struct RateLimit {
  Duration interval{};   ///< between two events at the sustained rate, rounded up to a nanosecond
  Duration tolerance{};  ///< burst * interval: how far ahead of the clock one may spend
  std::uint32_t burst = 1;

  /// Refilling a burst may take at most this long; more is a slip of the keyboard, and the bound is
  /// what keeps every sum below far from overflow.
  static constexpr Duration kRefillMax = std::chrono::hours(24 * 365 * 10);

  /// Code::kInvalid unless the rate and its period are positive and finite, the burst is at least 1
  /// and refills within kRefillMax. Rounding makes a limit at most one nanosecond an event slower
  /// than asked (0.1 % at a million a second), never faster; beyond 10^9/s it is 10^9/s.
  static Result<RateLimit> make(Rate rate, std::uint32_t burst);

  bool operator==(const RateLimit&) const = default;
};

/// What a limiter answers; the durations and counts are those of the RateLimit header fields.
struct LimitDecision {
  /// retry_after of a cost that exceeds the burst: waiting cannot help.
  static constexpr Duration kNever = Duration::max();

  bool allowed = false;
  Duration retry_after{};       ///< until the same cost would be allowed; zero when allowed
  std::uint32_t remaining = 0;  ///< cost 1 events that would be allowed right now, after this one
  Duration reset_after{};       ///< until the whole burst is there again, if nothing more comes

  bool never() const { return retry_after == kNever; }
};

/// The generic cell rate algorithm (ITU-T I.371, virtual scheduling). All state is one instant, the
/// theoretical arrival time: when the bucket will be full again. A cost is allowed when paying it
/// keeps that instant within the tolerance:
///
///        now                       arrival                 now + tolerance
///   ------|--------- spent -----------|-------- left ------------|------>
///
/// Over any span the allowed cost is at most burst + rate * span, and a refused cost changes
/// nothing, so whoever waits retry_after is served. Any thread that owns `arrival`.
LimitDecision gcra_take(const RateLimit& limit, MonoTime& arrival, MonoTime now,
                        std::uint32_t cost);

/// One limiter with its own state. Not synchronised: it belongs to one loop.
class Gcra {
 public:
  explicit Gcra(const RateLimit& limit) : limit_(limit) {}

  /// Spends `cost` when it is allowed. A cost of 0 spends nothing and reports the state. A `now`
  /// before the last one is answered as strictly as the arithmetic says, never more generously.
  LimitDecision take(MonoTime now, std::uint32_t cost = 1) {
    return gcra_take(limit_, arrival_, now, cost);
  }

  /// New settings at a reload; what was spent stays spent.
  void set_limit(const RateLimit& limit) { limit_ = limit; }
  const RateLimit& limit() const { return limit_; }

 private:
  RateLimit limit_;
  MonoTime arrival_ = MonoTime::min();
};

}  // namespace tocsin::policy
