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
  timed_.limit = kRowsMax;
}

void Redrives::expect(WallTime at, WallTime now) {
  if (at >= at_) return;
  at_ = at;
  timer_.arm_after(std::max(at - now, Duration::zero()));
}

Redrives::Step* Redrives::find(std::string_view output) {
  const auto found = std::ranges::find(steps_, output, &Step::output);
  return found == steps_.end() ? nullptr : &*found;
}

void Redrives::add(Step step) {
  steps_.push_back(std::move(step));
  if (step_taken_ || step_timer_.armed()) return;
  step_due_ = true;
  wake_();
}

void Redrives::on_recovered(std::string_view output) {
  if (Step* step = find(output)) {
    step->probe = false;
  } else {
    add({std::string(output), false});
  }
}

void Redrives::on_probe(std::string_view output) {
  if (find(output) == nullptr) add({std::string(output), true});
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
  step_.output = steps_.front().output;
  step_.limit = steps_.front().probe ? 1 : kRowsMax;
  batch.add(step_);
}

void Redrives::commit(DoorBook& doors, FrontMetrics& metrics, WallTime now) {
  if (std::exchange(timed_taken_, false)) {
    tell(doors, metrics, timed_.outputs, "schedule");
    // Others on the store may leave some behind.
    const WallTime at_the_latest = now + kLookEvery;
    expect(std::min(timed_.next_due.value_or(at_the_latest), at_the_latest), now);
  }
  if (std::exchange(step_taken_, false)) commit_step(doors, metrics);
}

// What was taken as a probe may be more by now.
void Redrives::commit_step(DoorBook& doors, FrontMetrics& metrics) {
  tell(doors, metrics, step_.outputs, "breaker");
  Step step = std::move(steps_.front());
  steps_.pop_front();
  if (!step.probe && step_.redriven == step_.limit) steps_.push_back(std::move(step));
  if (!steps_.empty()) step_timer_.arm_after(kStepEvery);
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
