#pragma once

#include <cstdint>

#include "gateway/base/clock.h"

namespace tocsin::policy {

/// How long to leave a receiver alone that asks for a pause and does not say for how long: a second
/// at first, twice as long each time it asks again, until something is served. Time is an argument.
///
///     sent     throttled        sent  throttled            sent  served
///   ---|-----------|---- 1 s ----|--------|---- 2 s ---------|------|---  and 1 s again
///
/// What was under way when it asked says the same once more, and nothing new.
class ThrottleSteps {
 public:
  static constexpr Duration kFirst = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::minutes(1);
  /// A pause is stretched by up to this part of it, so that those who were told at the same time
  /// part ways.
  static constexpr std::int64_t kStretchParts = 10;

  /// An attempt that began at `begun` was throttled: the pause from `now` on. `random_bits` are 64
  /// uniform bits.
  Duration on_throttled(MonoTime begun, MonoTime now, std::uint64_t random_bits);
  /// One that began at `begun` was served, well or not.
  void on_served(MonoTime begun);

  /// Times it asked since something was served.
  std::uint32_t steps() const { return steps_; }
  /// It has asked so often already, before `now`.
  void restore(std::uint32_t steps, MonoTime now);

 private:
  MonoTime asked_at_ = MonoTime::min();  // the time that was counted last
  std::uint32_t steps_ = 0;
};

}  // namespace tocsin::policy
