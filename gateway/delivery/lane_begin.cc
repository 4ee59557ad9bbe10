// How attempts begin: whose turn it is, whether the pace allows it, and what happens to those that
// have to wait although it does.
#include <algorithm>

#include "gateway/delivery/lane.h"

namespace tocsin::delivery {

using message::DeliveryClass;
using message::DeliveryState;

void Lane::on_tick_end() {
  if (output_ == nullptr || draining_ || loop_.now() < awaits_until_) return;
  begun_.clear();
  // The front tells when the store is back, and at each renewal.
  if (port_.status().may_attempt(loop_.now())) {
    begin_marked();
    begin_waiting();
  }
  deliver_begun();
}

void Lane::begin_waiting() {
  const MonoTime now = loop_.now();
  while (SlotQueue* queue = next_queue()) {
    LaneSlot& slot = *queue->first();
    if (settle_unwanted(slot, *queue)) continue;
    const LanePace::Look look = pace_.look(now);
    if (look.wait != LaneWait::kNothing) {
      if (look.breaker_refuses && settle_by_fallback(slot, *queue)) continue;
      return wait_for(look);
    }
    if (postpone(slot, *queue)) continue;
    queue->remove(slot);
    critical_in_a_row_ = slot.queue == DeliveryClass::kCritical ? critical_in_a_row_ + 1 : 0;
    slot.permit = pace_.begin(now, slot.attempts > 0);
    addresses_.on_attempt(slot.address, now);
    metrics_.in_flight.add();
    if (needs_mark(output_->traits().idempotent, policy_)) {
      mark(slot);
    } else {
      begin(slot);
    }
  }
  wait_for({});
  ask_for_letter();
}

// An open breaker closes by attempts, and with nothing to send there are none: then a dead letter
// that waits for the breaker is the probe. How many of them are, the breaker bounds.
void Lane::ask_for_letter() {
  const DeadLetterPolicy& letters = policy_.dead_letters;
  if (!letters.on_recovery || letters.redrive.empty() || policy::is_closed(breaker_state())) return;
  if (held_ > 0 || probe_.pending) return;
  const MonoTime now = loop_.now();
  const MonoTime at = std::max(pace_.look(now).until, asks_again_at_);
  if (at <= now) {
    asks_again_at_ = now + kAskForLetterEvery;
    probe_.pending = true;
    port_.submit(probe_);
  }
  if (const MonoTime next = std::max(at, asks_again_at_); next != MonoTime::max()) {
    look_timer_.arm_at(next);
  }
}

// Whose turn it is; null: nothing waits.
SlotQueue* Lane::next_queue() {
  SlotQueue& critical = waiting(DeliveryClass::kCritical);
  SlotQueue& normal = waiting(DeliveryClass::kNormal);
  const bool share = critical_in_a_row_ >= kCriticalInARow && !normal.empty();
  if (!critical.empty() && !share) return &critical;
  return normal.empty() ? nullptr : &normal;
}

// What it comes to without an attempt, if one would be too late or is not wanted.
std::optional<Settlement> Lane::unwanted(const LaneSlot& slot) const {
  if (expired(slot)) return expire(slot.attempts);
  if (suppressions_ == nullptr || slot.address.empty()) return std::nullopt;
  const auto why = suppressions_->find(slot.address);
  if (!why) return std::nullopt;
  return withhold(slot.attempts, *why, successor(slot, false).has_value());
}

bool Lane::settle_unwanted(LaneSlot& slot, SlotQueue& from) {
  std::optional<Settlement> end = unwanted(slot);
  if (!end) return false;
  from.remove(slot);
  settle(slot, *std::move(end));
  return true;
}

// From when on what the breaker keeps waiting goes to the fallback.
std::optional<MonoTime> Lane::falls_back_at() const {
  const std::optional<MonoTime> since = pace_.unclosed_since();
  if (!since || !policy_.fallback.after) return std::nullopt;
  return *since + *policy_.fallback.after;
}

bool Lane::settle_by_fallback(LaneSlot& slot, SlotQueue& from) {
  const std::optional<MonoTime> at = falls_back_at();
  if (!at || *at > loop_.now() || !successor(slot, true)) return false;
  from.remove(slot);
  settle(slot, fall_back(slot.attempts, *policy_.fallback.after));
  return true;
}

// Looks again when the pace says so; an attempt that ends looks anyway.
void Lane::wait_for(const LanePace::Look& look) {
  const MonoTime now = loop_.now();
  if (look.wait != waiting_for_) {
    waiting_for_ = look.wait;
    if (look.wait != LaneWait::kNothing) metrics_.waits[static_cast<std::size_t>(look.wait)]->add();
    metrics_.quarantined.set(quarantined() ? 1 : 0);  // it may have lapsed
  }
  if (look.wait == LaneWait::kNothing) return;
  MonoTime next = look.until;
  if (const auto at = falls_back_at(); at && look.breaker_refuses && *at > now) {
    next = std::min(next, *at);
  }
  if (next != MonoTime::max()) look_timer_.arm_at(next);
}

// What has to wait while others may go leaves the queue: for a moment within the lane, else back
// to the store, with an instant of its own and nothing spent.
bool Lane::postpone(LaneSlot& slot, SlotQueue& from) {
  const MonoTime now = loop_.now();
  const bool has_room = parked_count_ < LaneDoor::capacity_for(policy_.concurrency) / kParkPart;
  Duration wait = addresses_.wait_for(slot.address, now, slot.waited);
  if (wait > Duration::zero()) {
    const bool keeps_turn = slot.waited && (has_room || wait > kParkMax);
    wait = addresses_.give_place(slot.address, now, keeps_turn);
    metrics_.postponed_address.add();
  } else if (slot.attempts > 0 && (wait = pace_.retry_wait(now)) > Duration::zero()) {
    metrics_.postponed_retry.add();
  } else {
    return false;
  }
  from.remove(slot);
  if (wait > kParkMax || !has_room) {
    settle(slot, release(slot.attempts, wait));
    return true;
  }
  slot.state = State::kParked;
  parked_.push_back(slot);
  ++parked_count_;
  slot.deadline.arm_at(now + wait);
  return true;
}

void Lane::on_parked(LaneSlot& slot) {
  parked_.remove(slot);
  --parked_count_;
  slot.state = State::kWaiting;
  slot.waited = true;
  waiting(slot.queue).put_back(slot);
  loop_.at_tick_end(*this);
}

// An attempt that must not be repeated blindly is known to the store before it begins.
void Lane::mark(LaneSlot& slot) {
  slot.state = State::kMarking;
  slot.op.id = slot.id;
  slot.op.state = DeliveryState::kSending;
  slot.op.attempts = slot.attempts;
  slot.op.crashes = slot.crashes;
  slot.reason.clear();
  slot.provider_id.clear();
  port_.submit(slot);
}

// Its pace was asked before the mark; what was said since by others is heard.
void Lane::begin_marked() {
  const MonoTime now = loop_.now();
  while (LaneSlot* slot = marked_.pop_front()) {
    Duration wait = addresses_.closed_for(slot->address, now);
    // The probe of a paused output passed the gate before its mark.
    const LaneGate& gate = pace_.gate();
    const bool shut = !gate.paused() && !gate.open(now);
    if (shut) wait = std::max(wait, gate.opens_at() - now);
    if (auto end = unwanted(*slot)) {
      leave_flight(*slot);
      settle(*slot, *std::move(end));
    } else if (wait > Duration::zero()) {
      leave_flight(*slot);
      settle(*slot, release(slot->attempts, wait));
    } else {
      begin(*slot);
    }
  }
}

void Lane::begin(LaneSlot& slot) {
  const MonoTime now = loop_.now();
  // Alone, so that if the output crashes again it is clear which of them did it.
  if (slot.crashes > 0) deliver_begun();
  slot.state = State::kAttempting;
  slot.output = output_;
  slot.begun_at = now;
  slot.deadline.arm_at(now + policy_.timeout);
  begun_.push_back({.token = slot.token(),
                    .delivery = slot.id,
                    .number = slot.attempts + 1,
                    .notification = &*slot.message,
                    .payload = slot.message.payload(),
                    .address = slot.address,
                    .accepted_at = slot.accepted_at,
                    .deadline = now + policy_.timeout});
  if (slot.crashes > 0 || begun_.size() >= output_->traits().batch_max) deliver_begun();
}

void Lane::deliver_begun() {
  if (begun_.empty()) return;
  output_->deliver(begun_);
  begun_.clear();
}

}  // namespace tocsin::delivery
