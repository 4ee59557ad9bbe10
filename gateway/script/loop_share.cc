#include "gateway/script/loop_share.h"

#include <algorithm>

namespace tocsin::script {

namespace {

constexpr Duration kNextTick = std::chrono::milliseconds(1);

}  // namespace

void LoopShare::took(MonoTime tick, Duration time, Duration wasted) {
  if (tick != tick_) {
    tick_ = tick;
    in_tick_ = Duration::zero();
  }
  in_tick_ += time;
  if (wasted > Duration::zero()) paid_at_ = std::max(paid_at_, tick) + wasted * kWasteParts;
}

Duration LoopShare::rest(MonoTime tick) const {
  const Duration debt = paid_at_ - tick - kWasteMax * kWasteParts;
  if (debt > Duration::zero()) return debt;
  return tick == tick_ && in_tick_ >= kTickMax ? kNextTick : Duration::zero();
}

}  // namespace tocsin::script
