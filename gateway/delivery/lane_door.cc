#include "gateway/delivery/lane_door.h"

#include <algorithm>
#include <utility>

#include "gateway/base/assert.h"

namespace tocsin::delivery {

std::uint32_t LaneDoor::capacity_for(std::uint32_t concurrency) {
  return std::clamp(2 * concurrency, kCapacityMin, kCapacityMax);
}

LaneDoor::LaneDoor(std::string output, OutboxPort& home, LaneEnd& lane, std::uint32_t capacity)
    : output_(std::move(output)), home_(home), lane_(lane) {
  resize(capacity);
}

void LaneDoor::resize(std::uint32_t capacity) {
  TOCSIN_ASSERT(capacity >= kCapacityMin && capacity <= kCapacityMax, "a lane of no such size");
  capacity_ = capacity;
  queue(Queue::kCritical).limit = capacity - std::max(1U, capacity / 8);
  queue(Queue::kNormal).limit = capacity - capacity / 4;
  look(Queue::kCritical);
  look(Queue::kNormal);
}

void LaneDoor::open(event::TimerWheel& wheel, ClaimWatch& watch) {
  TOCSIN_ASSERT(watch_ == nullptr, "a lane's door was opened twice");
  watch_ = &watch;
  for (const Queue which : {Queue::kCritical, Queue::kNormal}) {
    queue(which).timer.emplace(wheel, [this, which] {
      queue(which).next_due = WallTime::max();
      queue(which).due = true;
      look(which);
    });
  }
  spill();
}

void LaneDoor::close() {
  watch_ = nullptr;
  for (QueueState& state : queues_) state.timer.reset();
}

void LaneDoor::halt(bool halted) {
  if (std::exchange(halted_, halted) && !halted) spill();
}

std::uint32_t LaneDoor::available(Queue which) const {
  const QueueState& state = queue(which);
  return state.held < state.limit ? std::min(credits(), state.limit - state.held) : 0;
}

// A claim costs a search; for one row at a time that would be paid for every settlement. While less
// than a quarter is free the lane has enough to do.
std::uint32_t LaneDoor::worth_claiming(Queue which) const {
  if (which == Queue::kCritical) return 1;
  return std::max(1U, queue(which).limit / 4);
}

bool LaneDoor::admit(Queue which) {
  QueueState& state = queue(which);
  if (state.spilled || halted_ || watch_ == nullptr) return false;
  if (available(which) == 0) {
    state.spilled = true;
    return false;
  }
  ++state.held;
  return true;
}

void LaneDoor::give_back(Queue which, std::uint32_t credits) {
  TOCSIN_ASSERT(credits <= queue(which).held, "a credit came back twice");
  queue(which).held -= credits;
  look(Queue::kCritical);
  look(Queue::kNormal);
}

void LaneDoor::on_ready(Queue which, WallTime next_at, WallTime now) {
  QueueState& state = queue(which);
  ++backlog_;
  state.empty = false;
  if (next_at > now) {
    wait_for(state, next_at, now);
    return;
  }
  state.spilled = true;
  look(which);
}

void LaneDoor::spill() {
  for (const Queue which : {Queue::kCritical, Queue::kNormal}) {
    queue(which).spilled = true;
    queue(which).empty = false;
    look(which);
  }
}

std::uint32_t LaneDoor::begin_claim(Queue which) {
  QueueState& state = queue(which);
  state.listed = false;
  if (watch_ == nullptr || halted_ || !(state.spilled || state.due)) return 0;
  const std::uint32_t rows = std::min(available(which), kClaimRowsMax);
  if (rows < worth_claiming(which)) return 0;
  state.due = false;
  state.held += rows;
  return rows;
}

void LaneDoor::end_claim(Queue which, std::uint32_t asked, std::uint32_t got,
                         std::optional<WallTime> next_due, WallTime now) {
  TOCSIN_ASSERT(got <= asked, "a claim gave more rows than it was asked for");
  QueueState& state = queue(which);
  backlog_ -= std::min<std::uint64_t>(backlog_, got);
  state.spilled = next_due && *next_due <= now;
  state.empty = !next_due;
  if (queues_[0].empty && queues_[1].empty) backlog_ = 0;
  if (next_due && !state.spilled) wait_for(state, *next_due, now);
  give_back(which, asked - got);
}

void LaneDoor::fail_claim(Queue which, std::uint32_t asked) {
  queue(which).spilled = true;
  give_back(which, asked);
}

bool LaneDoor::expects(WallTime until) const {
  return std::ranges::any_of(queues_, [until](const QueueState& state) {
    return state.held > 0 || state.spilled || state.due || state.next_due <= until;
  });
}

void LaneDoor::look(Queue which) {
  QueueState& state = queue(which);
  if (watch_ == nullptr || halted_ || state.listed || !(state.spilled || state.due)) return;
  if (available(which) < worth_claiming(which)) return;
  state.listed = true;
  watch_->on_claimable(*this, which);
}

void LaneDoor::wait_for(QueueState& state, WallTime next_due, WallTime now) {
  if (!state.timer || next_due >= state.next_due) return;
  state.next_due = next_due;
  state.timer->arm_after(next_due - now);
}

}  // namespace tocsin::delivery
