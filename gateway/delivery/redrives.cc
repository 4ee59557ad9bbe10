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

void Redrives::on_recovered(std::string_view output, Submission& asked) {
  if (Step* step = find(output)) {
    step->asked = &asked;
  } else {
    add({std::string(output), &asked});
  }
}

void Redrives::on_probe(std::string_view output) {
  if (find(output) == nullptr) add({std::string(output), nullptr});
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
  if (steps_.empty()) return;  // it was abandoned
  step_taken_ = true;
  step_.now = now;
  step_.output = steps_.front().output;
  step_.limit = steps_.front().asked != nullptr ? kRowsMax : 1;
  batch.add(step_);
}

Submission* Redrives::commit(DoorBook& doors, FrontMetrics& metrics, WallTime now) {
  if (std::exchange(timed_taken_, false)) {
    tell(doors, metrics, timed_.outputs, "schedule");
    // Others on the store may leave some behind.
    const WallTime at_the_latest = now + kLookEvery;
    expect(std::min(timed_.next_due.value_or(at_the_latest), at_the_latest), now);
  }
  return std::exchange(step_taken_, false) ? commit_step(doors, metrics) : nullptr;
}

// What was taken as a probe may be more by now.
Submission* Redrives::commit_step(DoorBook& doors, FrontMetrics& metrics) {
  tell(doors, metrics, step_.outputs, "breaker");
  Step step = std::move(steps_.front());
  steps_.pop_front();
  const bool over = step.asked == nullptr || step_.redriven < step_.limit;
  if (!over) steps_.push_back(step);
  if (!steps_.empty()) step_timer_.arm_after(kStepEvery);
  return over ? step.asked : nullptr;
}

void Redrives::fail(WallTime now) {
  if (std::exchange(timed_taken_, false)) expect(now + kRetryEvery, now);
  if (std::exchange(step_taken_, false)) step_timer_.arm_after(kRetryEvery);
}

void Redrives::repeat() {
  if (std::exchange(timed_taken_, false)) due_ = true;
  if (std::exchange(step_taken_, false)) step_due_ = true;
}

Submission* Redrives::abandon(std::string_view output) {
  const auto found = std::ranges::find(steps_, output, &Step::output);
  if (found == steps_.end()) return nullptr;
  Submission* asked = found->asked;
  steps_.erase(found);
  return asked;
}

SubmissionList Redrives::cancel() {
  timer_.cancel();
  step_timer_.cancel();
  SubmissionList asked;
  for (const Step& step : std::exchange(steps_, {})) {
    if (step.asked != nullptr) asked.push_back(*step.asked);
  }
  return asked;
}

}  // namespace tocsin::delivery
