#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "gateway/base/clock.h"
#include "gateway/policy/gcra.h"

namespace tocsin::policy {

/// Paces instead of refusing: a lane asks when its next delivery may go and waits until then. Same
/// arithmetic and same bound as Gcra (at most burst + rate * span start within any span), but a
/// reservation is granted in advance. Not synchronised: it belongs to one loop.
class TokenBucket {
 public:
  /// A place in the queue of time; copy it freely, give it back at most once.
  struct Reservation {
    MonoTime ready_at;  ///< not before now
    MonoTime before;    ///< the bucket's state without it, for give_back
    MonoTime after;     ///< and with it
  };

  /// How far ahead reservations are granted unless told otherwise.
  static constexpr Duration kWaitMax = std::chrono::hours(24);

  explicit TokenBucket(const RateLimit& limit) : limit_(limit) {}

  /// The instant from which `cost` may be spent; later reservations queue behind it. A cost above
  /// the burst waits longer instead of never. Nothing, and no change, when that would be more than
  /// `wait_max` from now.
  std::optional<Reservation> reserve(MonoTime now, std::uint32_t cost = 1,
                                     Duration wait_max = kWaitMax);

  /// Takes an unused reservation back as if it had never been. Only the newest one can be: moving
  /// up those behind it would let them collide. False means that it is forfeited. To clear a queue,
  /// give back newest first.
  bool give_back(const Reservation& reservation);

  /// When one more would be ready, without reserving it.
  MonoTime next_at(MonoTime now) const;

  /// How far ahead of `now` it has spent; zero: it is full.
  Duration spent(MonoTime now) const { return std::max(arrival_, now) - now; }
  /// As if so much had been spent, or what has been if that is more; at most a whole burst.
  void restore(Duration spent, MonoTime now) {
    arrival_ = std::max(arrival_, now + std::clamp(spent, Duration::zero(), limit_.tolerance));
  }

  /// New settings at a reload; granted reservations stand.
  void set_limit(const RateLimit& limit) { limit_ = limit; }
  const RateLimit& limit() const { return limit_; }

 private:
  RateLimit limit_;
  MonoTime arrival_ = MonoTime::min();
};

}  // namespace tocsin::policy
