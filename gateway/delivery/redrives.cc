#include "gateway/delivery/redrives.h"

#include <algorithm>
#include <utility>

namespace tocsin::delivery {

namespace {

void tell(DoorBook& doors, FrontMetrics& metrics, std::span<const std::string> outputs,
          std::string_view by) {
  for (const std::string& output : outputs) {
    metrics.redrive(output, by);
    if (LaneDoor* door = doors.find(output)) door->spill();
  }
}

}  // namespace

Redrives::Redrives(event::TimerWheel& wheel, Function<void()> wake)
    : wake_(std::move(wake)),
      timer_(wheel,
             [this] {
               due_ = true;
               at_ = WallTime::max();
               wake_();
             }),
      step_timer_(wheel, [this] {
        step_due_ = true;
        wake_();
      }) {
  timed_.limit = step_.limit = kRowsMax;
}

void Redrives::expect(WallTime at, WallTime now) {
  if (at >= at_) return;
  at_ = at;
  timer_.arm_after(std::max(at - now, Duration::zero()));
}

void Redrives::on_recovered(std::string_view output) {
  if (std::ranges::count(recovered_, output) > 0) return;
  recovered_.emplace_back(output);
  if (step_taken_ || step_timer_.armed()) return;
  step_due_ = true;
  wake_();
}

bool Redrives::take(Batch& batch, WallTime now) {
  if (!due()) return false;
  if (std::exchange(due_, false)) {
    timed_taken_ = true;
    timed_.now = now;
    batch.add(timed_);
  }
  if (std::exchange(step_due_, false)) take_step(batch, now);
  return true;
}

void Redrives::take_step(Batch& batch, WallTime now) {
  step_taken_ = true;
  step_.now = now;
  step_.output = recovered_.front();
  batch.add(step_);
}

void Redrives::commit(DoorBook& doors, FrontMetrics& metrics, WallTime now) {
  if (std::exchange(timed_taken_, false)) {
    tell(doors, metrics, timed_.outputs, "schedule");
    // Others on the store may leave some behind.
    const WallTime at_the_latest = now + kLookEvery;
    expect(std::min(timed_.next_due.value_or(at_the_latest), at_the_latest), now);
  }
  if (!std::exchange(step_taken_, false)) return;
  tell(doors, metrics, step_.outputs, "breaker");
  std::string output = std::move(recovered_.front());
  recovered_.pop_front();
  if (step_.redriven == kRowsMax) recovered_.push_back(std::move(output));
  if (!recovered_.empty()) step_timer_.arm_after(kStepEvery);
}

void Redrives::fail(WallTime now) {
  if (std::exchange(timed_taken_, false)) expect(now + kRetryEvery, now);
  if (std::exchange(step_taken_, false)) step_timer_.arm_after(kRetryEvery);
}

void Redrives::repeat() {
  if (std::exchange(timed_taken_, false)) due_ = true;
  if (std::exchange(step_taken_, false)) step_due_ = true;
}

void Redrives::cancel() {
  timer_.cancel();
  step_timer_.cancel();
}

}  // namespace tocsin::delivery
