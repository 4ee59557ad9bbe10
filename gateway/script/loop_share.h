#pragma once

#include <chrono>

#include "gateway/base/clock.h"

namespace tocsin::script {

/// What one instance takes of its loop's time. The limits of a call bound one call; this bounds
/// many of them, so that neither a batch that is filtered in one tick nor a script that runs into
/// its limits again and again keeps the loop from everybody else. Time is an argument. Loop thread.
class LoopShare {
 public:
  /// Of one tick; the slice that goes beyond it ends in peace.
  static constexpr Duration kTickMax = std::chrono::milliseconds(250);
  /// What ended at a limit came to nothing: so much of that at once ...
  static constexpr Duration kWasteMax = std::chrono::milliseconds(200);
  /// ... and then one part of the loop's time in so many.
  static constexpr int kWasteParts = 10;

  /// A slice took so long, in the tick of that time. `wasted`: what it worked when it came to
  /// nothing, in its thread's own time, so that a busy machine is not held against the script.
  void took(MonoTime tick, Duration time, Duration wasted);
  /// How long until another slice may begin; zero: it may now.
  Duration rest(MonoTime tick) const;

 private:
  MonoTime tick_{};
  Duration in_tick_ = Duration::zero();
  MonoTime paid_at_{};  // when all that was wasted is made up for
};

}  // namespace tocsin::script
