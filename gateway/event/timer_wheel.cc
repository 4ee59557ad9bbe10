#include "gateway/event/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "gateway/base/assert.h"

namespace tocsin::event {

void Alarm::arm_at(MonoTime deadline) {
  cancel();
  deadline_ = deadline;
  armed_ = true;
  ++wheel_.armed_;
  tick_ = std::max(wheel_.tick_at_or_after(deadline), wheel_.elapsed_ + 1);
  wheel_.insert(*this);
}

void Alarm::arm_after(Duration wait) {
  const Duration longest = MonoTime::max() - wheel_.now();
  arm_at(wait < longest ? wheel_.now() + wait : MonoTime::max());
}

void Alarm::cancel() {
  if (!armed_) return;
  armed_ = false;
  --wheel_.armed_;
  wheel_.remove(*this);
}

TimerWheel::TimerWheel(MonoTime start) : start_(start), now_(start) {}

TimerWheel::~TimerWheel() {
  for (Level& level : levels_) {
    for (detail::TimerLink& slot : level.slots) {
      while (!slot.alone()) {
        auto* alarm = static_cast<Alarm*>(slot.next);
        alarm->unlink();
        alarm->armed_ = false;
      }
    }
  }
}

std::uint64_t TimerWheel::tick_at_or_after(MonoTime when) const {
  if (when <= start_) return 0;
  const Duration since = when - start_;
  const auto whole = static_cast<std::uint64_t>(since / kTick);
  return since % kTick == Duration::zero() ? whole : whole + 1;
}

// The level is given by the highest bit in which the timer's tick and the elapsed ticks differ: all
// bits above are equal, so the slot number of that level alone says when it is due.
void TimerWheel::insert(Alarm& alarm) {
  constexpr std::uint64_t kFarthest = (std::uint64_t{1} << (kSlotBits * kLevels)) - 1;
  const std::uint64_t apart = std::min((elapsed_ ^ alarm.tick_) | (kSlots - 1), kFarthest);
  const int level = (63 - std::countl_zero(apart)) / kSlotBits;
  const auto slot = static_cast<int>((alarm.tick_ >> (level * kSlotBits)) & (kSlots - 1));
  alarm.level_ = static_cast<std::uint8_t>(level);
  alarm.slot_ = static_cast<std::uint8_t>(slot);
  alarm.insert_before(levels_[level].slots[slot]);
  levels_[level].occupied |= std::uint64_t{1} << slot;
}

// A timer already collected for firing sits in a list of its own; its old slot is then empty and
// its bit clear, so the check below is true for it as well and changes nothing.
void TimerWheel::remove(Alarm& alarm) {
  alarm.unlink();
  Level& level = levels_[alarm.level_];
  if (level.slots[alarm.slot_].alone()) level.occupied &= ~(std::uint64_t{1} << alarm.slot_);
}

// Lower levels cover the time before higher ones, so the first level with a timer holds the answer.
std::optional<TimerWheel::Due> TimerWheel::earliest_slot() const {
  for (int i = 0; i < kLevels; ++i) {
    const std::uint64_t occupied = levels_[i].occupied;
    if (occupied == 0) continue;
    const int shift = i * kSlotBits;
    const auto here = static_cast<int>((elapsed_ >> shift) & (kSlots - 1));
    // The search begins behind the current slot: what lies in that one waits for a whole round.
    const int next = here + 1;
    const int slot = (std::countr_zero(std::rotr(occupied, next)) + next) & (kSlots - 1);
    const std::uint64_t range = std::uint64_t{1} << (shift + kSlotBits);
    std::uint64_t tick = (elapsed_ & ~(range - 1)) + (static_cast<std::uint64_t>(slot) << shift);
    if (tick <= elapsed_) tick += range;  // only the top level wraps around
    return Due{tick, i, slot};
  }
  return std::nullopt;
}

// Timers of a coarse slot that are due later move to finer levels; the others are handed out.
void TimerWheel::take_slot(const Due& due, detail::TimerLink& into) {
  Level& level = levels_[due.level];
  detail::TimerLink& slot = level.slots[due.slot];
  detail::TimerLink taken;
  while (!slot.alone()) {
    detail::TimerLink& link = *slot.next;
    link.unlink();
    link.insert_before(taken);
  }
  level.occupied &= ~(std::uint64_t{1} << due.slot);
  elapsed_ = due.tick;
  while (!taken.alone()) {
    auto& alarm = static_cast<Alarm&>(*taken.next);
    alarm.unlink();
    if (alarm.tick_ <= due.tick) {
      alarm.insert_before(into);
    } else {
      insert(alarm);
    }
  }
}

std::size_t TimerWheel::fire(detail::TimerLink& due) {
  std::size_t fired = 0;
  while (!due.alone()) {
    auto& alarm = static_cast<Alarm&>(*due.next);
    alarm.unlink();
    alarm.armed_ = false;
    --armed_;
    ++fired;
    alarm.on_due();  // may destroy the timer: nothing of it is touched afterwards
  }
  return fired;
}

std::size_t TimerWheel::advance(MonoTime now) {
  if (now > now_) now_ = now;
  const auto target = static_cast<std::uint64_t>((now_ - start_) / kTick);
  detail::TimerLink due_list;
  for (auto due = earliest_slot(); due && due->tick <= target; due = earliest_slot()) {
    take_slot(*due, due_list);
  }
  elapsed_ = std::max(elapsed_, target);
  return fire(due_list);
}

std::optional<MonoTime> TimerWheel::next_due() const {
  const auto due = earliest_slot();
  if (!due) return std::nullopt;
  return start_ + kTick * static_cast<std::int64_t>(due->tick);
}

}  // namespace tocsin::event
