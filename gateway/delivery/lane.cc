// What comes to a lane and how attempts begin. What they come to is in lane_end.cc.
//
//                              +--> settled: expired, closed address, cancelled
//   hand-off --+               |
//              +--> waiting ---+--> begun ----------------> output ---> complete | deadline
//   claim -----+               +--> marking --> marked --^
#include "gateway/delivery/lane.h"

#include <algorithm>

#include "gateway/message/notification_codec.h"

namespace tocsin::delivery {

using message::DeliveryClass;
using message::DeliveryState;

namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

LaneSlot::LaneSlot(Lane& lane, std::uint32_t index, event::TimerWheel& wheel)
    : deadline(wheel, [this] { lane_.on_deadline(*this); }), lane_(lane), index_(index) {}

void LaneSlot::on_answered() { lane_.on_settled(*this); }

Lane::Lane(LaneSurroundings around, std::string output, LanePolicy policy)
    : port_(around.port),
      loop_(around.port.loop()),
      pool_(around.pool),
      log_(around.log),
      suppressions_(around.suppressions),
      notices_(around.notices),
      metrics_(around.metrics, output),
      policy_(std::move(policy)),
      door_(std::move(output), port_, *this, LaneDoor::capacity_for(policy_.concurrency)),
      opening_(Submission::Kind::kOpenLane, *this),
      resizing_(Submission::Kind::kResizeLane, *this),
      closing_(Submission::Kind::kCloseLane, *this),
      generation_(port_.status().generation),
      random_(random_seed()),
      closed_addresses_({random_(), random_()}),
      gate_timer_(loop_.timers(), [this] { loop_.at_tick_end(*this); }),
      drain_timer_(loop_.timers(), [this] { cut_attempts(); }) {
  resizing_.capacity = LaneDoor::capacity_for(policy_.concurrency);
  port_.add_lane(*this);
}

Lane::~Lane() {
  TOCSIN_ASSERT(held_ == 0, "a lane was destroyed with deliveries in it");
  TOCSIN_ASSERT(!opening_.pending && !resizing_.pending && !closing_.pending,
                "a lane was destroyed while its door moves");
  port_.remove_lane(*this);
  loop_.cancel_tick_end(*this);
}

void Lane::attach(stage::Output* output, LanePolicy policy) {
  loop_.assert_owner();
  output_ = output;
  policy_ = std::move(policy);
  door_.set_ordered(policy_.ordered);
  if (output != nullptr && !std::exchange(opened_, true)) {
    opening_.pending = true;
    port_.submit(opening_);
  }
  resize_door();
  loop_.at_tick_end(*this);
}

// Before the door is open the front knows nothing of it, and while it resizes, the answer comes
// here again.
void Lane::resize_door() {
  const std::uint32_t capacity = LaneDoor::capacity_for(policy_.concurrency);
  if (capacity == resizing_.capacity || !opened_ || draining_ || resizing_.pending) return;
  resizing_.capacity = capacity;
  resizing_.pending = true;
  port_.submit(resizing_);
}

void Lane::quarantine(Duration wait) {
  loop_.assert_owner();
  gate_.hold(loop_.now() + wait);
  metrics_.quarantined.set(1);
}

bool Lane::resume() {
  loop_.assert_owner();
  const bool was = quarantined();
  gate_.lift();
  metrics_.quarantined.set(0);
  loop_.at_tick_end(*this);
  return was;
}

std::uint32_t Lane::attempts_of(const stage::Output& output) const {
  return static_cast<std::uint32_t>(std::ranges::count_if(slots_, [&](const LaneSlot& slot) {
    return slot.state == State::kAttempting && slot.output == &output;
  }));
}

std::uint32_t Lane::attempts() const {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      slots_, [](const LaneSlot& slot) { return slot.state == State::kAttempting; }));
}

LaneSlot& Lane::take_slot(message::DeliveryId id, std::uint32_t generation) {
  LaneSlot* slot = free_.pop_front();
  if (slot == nullptr) {
    TOCSIN_ASSERT(slots_.size() < LaneDoor::kCapacityMax, "a lane was given more than its credits");
    slot = &slots_.emplace_back(*this, static_cast<std::uint32_t>(slots_.size()), loop_.timers());
  }
  ++held_;
  metrics_.held.add();
  slot->id = id;
  slot->generation = generation;
  slot->door = &door_;
  slot->attempts = slot->crashes = 0;
  slot->redriven = false;
  slot->redrives = 0;
  slot->mirror = slot->in_line = false;
  return *slot;
}

void Lane::take(HandOff&& delivery) {
  LaneSlot& slot = take_slot(delivery.id, delivery.generation);
  slot.message = std::move(delivery.message);
  slot.address = delivery.address;
  slot.accepted_at = delivery.accepted_at;
  slot.expires_at = slot.message->expires_at;
  slot.queue = message::class_of(slot.message->level);
  enqueue(slot);
}

void Lane::take(stage::ClaimedDelivery&& row, DeliveryClass queue, std::uint32_t generation) {
  LaneSlot& slot = take_slot(row.id, generation);
  slot.attempts = row.attempts;
  slot.crashes = row.crashes;
  slot.accepted_at = row.accepted_at;
  slot.redriven = row.redriven;
  slot.redrives = row.redrives;
  slot.mirror = row.mirror;
  slot.in_line = row.in_line;
  slot.expires_at = row.redriven ? std::nullopt : row.expires_at;
  slot.queue = queue;
  if (row.crashes >= kCrashesMax) return settle(slot, bury(slot.attempts, "crashed_gateway"));
  if (decode(slot, row)) enqueue(slot);
}

// False: it cannot be read, and is settled.
bool Lane::decode(LaneSlot& slot, const stage::ClaimedDelivery& row) {
  Arena arena(pool_, kMessageBytesMax);
  const auto payload = arena.copy(row.payload);
  const auto address = arena.copy(row.address);
  if (!payload || !address) {
    // No memory now says nothing about later.
    settle(slot, release(slot.attempts, policy_.backoff.options().max));
    return false;
  }
  const auto decoded = message::decode_stored(*payload, arena);
  if (!decoded) {
    settle(slot, bury(slot.attempts, "cannot be read: " + decoded.error().pointer + ": " +
                                         decoded.error().detail));
    return false;
  }
  slot.address = *address;
  slot.message = message::Message(std::move(arena).seal(), *decoded->notification, *payload);
  return true;
}

void Lane::enqueue(LaneSlot& slot) {
  if (policy_.expires_after && !slot.redriven) {
    const WallTime at_the_latest = slot.accepted_at + *policy_.expires_after;
    slot.expires_at = std::min(slot.expires_at.value_or(at_the_latest), at_the_latest);
  }
  if (draining_) return settle(slot, release(slot.attempts));
  if (expired(slot)) return settle(slot, expire(slot.attempts));
  slot.state = State::kWaiting;
  waiting_[static_cast<std::size_t>(slot.queue)].push_back(slot);
  loop_.at_tick_end(*this);
}

bool Lane::expired(const LaneSlot& slot) const {
  return slot.expires_at && *slot.expires_at <= loop_.wall();
}

// What is marked has not begun either.
void Lane::on_cancelled(message::NotificationId id) {
  for (SlotQueue* queue : {&waiting_[0], &waiting_[1], &marked_}) {
    for (LaneSlot* slot = queue->first(); slot != nullptr;) {
      LaneSlot* const after = SlotQueue::after(*slot);
      if (slot->id.notification == id) {
        queue->remove(*slot);
        if (slot->state == State::kMarked) leave_flight();
        settle(*slot, cancel(slot->attempts));
      }
      slot = after;
    }
  }
}

void Lane::on_store_status(const StoreStatus& status) {
  if (status.generation != generation_) {
    generation_ = status.generation;
    release_waiting(generation_);
  }
  loop_.at_tick_end(*this);
}

void Lane::release_waiting(std::uint32_t but_generation) {
  for (SlotQueue* queue : {&waiting_[0], &waiting_[1], &marked_}) {
    for (LaneSlot* slot = queue->first(); slot != nullptr;) {
      LaneSlot* const after = SlotQueue::after(*slot);
      if (slot->generation != but_generation) {
        queue->remove(*slot);
        if (slot->state == State::kMarked) leave_flight();
        settle(*slot, release(slot->attempts));
      }
      slot = after;
    }
  }
}

void Lane::on_tick_end() {
  if (output_ == nullptr || draining_) return;
  begun_.clear();
  begin_marked();
  while (in_flight_ < policy_.concurrency && may_begin()) {
    LaneSlot* slot = next_waiting();
    if (slot == nullptr) break;
    if (!still_wanted(*slot)) continue;
    ++in_flight_;
    metrics_.in_flight.add();
    gate_.on_attempt(loop_.now(), kProbeEvery);
    if (needs_mark(output_->traits().idempotent, policy_)) {
      mark(*slot);
    } else {
      begin(*slot);
    }
  }
  deliver_begun();
}

bool Lane::may_begin() {
  const MonoTime now = loop_.now();
  // The front tells when the store is back, and at each renewal.
  if (!port_.status().may_attempt(now)) return false;
  if (gate_.open(now)) {
    metrics_.quarantined.set(0);  // it may have lapsed
    return true;
  }
  gate_timer_.arm_at(gate_.opens_at());
  return false;
}

LaneSlot* Lane::next_waiting() {
  SlotQueue& critical = waiting_[static_cast<std::size_t>(DeliveryClass::kCritical)];
  SlotQueue& normal = waiting_[static_cast<std::size_t>(DeliveryClass::kNormal)];
  const bool share = critical_in_a_row_ >= kCriticalInARow && !normal.empty();
  if (critical.empty() || share) {
    critical_in_a_row_ = 0;
    return normal.pop_front();
  }
  ++critical_in_a_row_;
  return critical.pop_front();
}

bool Lane::still_wanted(LaneSlot& slot) {
  if (expired(slot)) {
    settle(slot, expire(slot.attempts));
    return false;
  }
  if (suppressions_ != nullptr && !slot.address.empty()) {
    if (const auto why = suppressions_->find(slot.address)) {
      settle(slot, bury(slot.attempts, "suppressed: " + *why));
      return false;
    }
  }
  const Duration closed = closed_addresses_.closed_for(slot.address, loop_.now());
  if (closed == Duration::zero()) return true;
  settle(slot, release(slot.attempts, closed));
  return false;
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

void Lane::begin_marked() {
  while (!marked_.empty() && port_.status().may_attempt(loop_.now())) {
    LaneSlot& slot = *marked_.pop_front();
    const MonoTime now = loop_.now();
    // The probe of a paused output passed the gate before its mark.
    if (!gate_.paused() && !gate_.open(now)) {
      leave_flight();
      settle(slot, release(slot.attempts, gate_.opens_at() - now));
    } else if (!still_wanted(slot)) {
      leave_flight();
    } else {
      begin(slot);
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
