#include "gateway/policy/throttle_steps.h"

#include <algorithm>

namespace tocsin::policy {

namespace {
// From here on the pause is the longest.
constexpr std::uint32_t kDoublingsMax = 16;
}  // namespace

// A served attempt from before the last pause leaves the steps alone for the same reason that a
// throttled one does: both tell of a load that is not there any more.
void ThrottleSteps::on_served(MonoTime begun) {
  if (begun >= asked_at_) steps_ = 0;
}

void ThrottleSteps::restore(std::uint32_t steps, MonoTime now) {
  if (steps <= steps_) return;
  steps_ = steps;
  asked_at_ = now;
}

Duration ThrottleSteps::on_throttled(MonoTime begun, MonoTime now, std::uint64_t random_bits) {
  if (steps_ == 0 || begun >= asked_at_) {
    ++steps_;
    asked_at_ = now;
  }
  const std::uint32_t doublings = std::min(steps_ - 1, kDoublingsMax);
  const Duration pause = std::min(kFirst * (std::int64_t{1} << doublings), kLongest);
  const auto range = static_cast<std::uint64_t>((pause / kStretchParts).count());
  const auto stretch = static_cast<unsigned __int128>(random_bits) * range;
  return pause + Duration(static_cast<std::int64_t>(stretch >> 64));
}

}  // namespace tocsin::policy
