// What comes to a lane. How attempts begin is in lane_begin.cc, what they come to in lane_end.cc.
//
//                                +--> settled: expired, fell back, postponed, cancelled
//   hand-off --+                 |
//              +--> waiting -----+--> begun ----------------> output ---> complete | deadline
//   claim -----+     ^   |       +--> marking --> marked --^
//                    +-- parked
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
    : deadline(
          wheel,
          [this] { state == State::kParked ? lane_.on_parked(*this) : lane_.on_deadline(*this); }),
      lane_(lane),
      index_(index) {}

void LaneSlot::on_answered() { lane_.on_settled(*this); }

Lane::Lane(LaneSurroundings around, std::string output, LanePolicy policy)
    : port_(around.port),
      loop_(around.port.loop()),
      pool_(around.pool),
      log_(around.log),
      suppressions_(around.suppressions),
      notices_(around.notices),
      paces_(around.paces),
      metrics_(around.metrics, output),
      policy_(std::move(policy)),
      door_(std::move(output), port_, *this, LaneDoor::capacity_for(policy_.concurrency)),
      opening_(Submission::Kind::kOpenLane, *this),
      resizing_(Submission::Kind::kResizeLane, *this),
      closing_(Submission::Kind::kCloseLane, *this),
      recovered_(Submission::Kind::kRecovered, *this),
      probe_(Submission::Kind::kProbe, *this),
      generation_(port_.status().generation),
      random_(random_seed()),
      pace_(policy_, [this](const LanePace::BreakerTransition& to) { on_breaker(to); }),
      addresses_({random_(), random_()}),
      look_timer_(loop_.timers(), [this] { loop_.at_tick_end(*this); }),
      drain_timer_(loop_.timers(), [this] { cut_attempts(); }) {
  resizing_.capacity = LaneDoor::capacity_for(policy_.concurrency);
  addresses_.set_rate(policy_.rate_per_address);
  metrics_.breaker[static_cast<std::size_t>(breaker_state())]->set(1);
  metrics_.concurrency.set(pace_.concurrency());
  port_.add_lane(*this);
}

Lane::~Lane() {
  TOCSIN_ASSERT(held_ == 0, "a lane was destroyed with deliveries in it");
  for (const DoorAnswer* request : {&opening_, &resizing_, &closing_, &recovered_, &probe_}) {
    TOCSIN_ASSERT(!request->pending, "a lane was destroyed while its door moves");
  }
  port_.remove_lane(*this);
  for (telemetry::Gauge* paused :
       {&metrics_.unauthorized, &metrics_.quarantined, &metrics_.halted}) {
    paused->set(0);  // the next of this name begins anew
  }
  loop_.cancel_tick_end(*this);
}

void Lane::attach(stage::Output* output, LanePolicy policy, std::shared_ptr<AccountGate> account) {
  loop_.assert_owner();
  output_ = output;
  policy_ = std::move(policy);
  pace_.set_policy(policy_);
  pace_.set_account(std::move(account));
  if (output != nullptr && kept_) {
    pace_.restore_gates(*kept_, loop_.now(), loop_.wall());
    kept_.reset();
  }
  addresses_.set_rate(policy_.rate_per_address);
  metrics_.concurrency.set(pace_.concurrency());
  door_.set_ordered(policy_.ordered);
  if (output != nullptr && !std::exchange(opened_, true)) {
    opening_.pending = true;
    opening_.halted = resizing_.halted = halted();
    port_.submit(opening_);
  }
  resize_door();
  bring_letters();
  loop_.at_tick_end(*this);
}

// Before the door is open the front knows nothing of it, and while it resizes, the answer comes
// here again.
void Lane::resize_door() {
  const std::uint32_t capacity = LaneDoor::capacity_for(policy_.concurrency);
  const bool same = capacity == resizing_.capacity && halted() == resizing_.halted;
  if (same || !opened_ || draining_ || resizing_.pending) return;
  resizing_.capacity = capacity;
  resizing_.halted = halted();
  resizing_.pending = true;
  port_.submit(resizing_);
}

void Lane::restore(const PaceState& state) {
  loop_.assert_owner();
  kept_ = state;
  restoring_ = true;
  pace_.restore(state, loop_.now(), loop_.wall(), breaker_ordered_);
  restoring_ = false;
  if (!halt_ordered_) set_halted(state.halted);
  recovering_ = recovering_ || state.recovering;
  metrics_.unauthorized.set(paused() ? 1 : 0);
}

void Lane::await_pace(Duration limit) {
  loop_.assert_owner();
  awaits_until_ = loop_.now() + limit;
  look_timer_.arm_at(awaits_until_);
}

void Lane::adopt(const PaceState* state) {
  loop_.assert_owner();
  const bool in_time = loop_.now() < std::exchange(awaits_until_, MonoTime{});
  loop_.at_tick_end(*this);
  if (state == nullptr) return;
  if (in_time) restore(*state);
  pace_.restore_gates(*state, loop_.now(), loop_.wall());
  kept_.reset();
  recovering_ = recovering_ || state->recovering;
  bring_letters();
  keep_pace(PaceKeeper::When::kAtOnce);
}

PaceState Lane::pace_state() const {
  PaceState state = pace_.state(loop_.now(), loop_.wall());
  state.recovering = recovering_;
  return state;
}

void Lane::keep_pace(PaceKeeper::When when) {
  if (paces_ == nullptr || restoring_) return;
  paces_->keep(output_name(), pace_state(), draining_ ? PaceKeeper::When::kAtOnce : when);
}

void Lane::quarantine(Duration wait) {
  loop_.assert_owner();
  pace_.gate().hold(loop_.now() + wait);
  metrics_.quarantined.set(1);
}

bool Lane::halt() {
  loop_.assert_owner();
  if (halted()) return false;
  halt_ordered_ = true;
  set_halted(true);
  keep_pace(PaceKeeper::When::kAtOnce);
  TOCSIN_LOG(log_, kInfo, "delivery", "output paused by an operator", {"output", output_name()});
  return true;
}

// What has not begun goes back to the store: there it is counted, shown and given another time as
// all else that waits.
void Lane::set_halted(bool halted) {
  halted ? pace_.gate().halt() : pace_.gate().let();
  metrics_.halted.set(halted ? 1 : 0);
  if (halted) release_waiting(StoreStatus::kNoGeneration);
  resize_door();
}

bool Lane::resume() {
  loop_.assert_owner();
  const bool was_halted = halted();
  const bool was = quarantined() || was_halted;
  pace_.gate().lift();
  metrics_.quarantined.set(0);
  halt_ordered_ = true;
  set_halted(false);
  if (was_halted) keep_pace(PaceKeeper::When::kAtOnce);
  loop_.at_tick_end(*this);
  return was;
}

policy::BreakerState Lane::force_breaker(BreakerOrder order) {
  loop_.assert_owner();
  loop_.at_tick_end(*this);
  breaker_ordered_ = true;
  const policy::BreakerState state = pace_.force(order, loop_.now());
  keep_pace(PaceKeeper::When::kAtOnce);
  return state;
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
  asks_again_at_ = {};
  metrics_.held.add();
  slot->id = id;
  slot->generation = generation;
  slot->door = &door_;
  slot->attempts = slot->crashes = 0;
  slot->redriven = slot->waited = slot->mirror = slot->in_line = false;
  slot->redrives = 0;
  slot->successor_output.clear();
  slot->successor_address.clear();
  return *slot;
}

void Lane::take(HandOff&& delivery) {
  LaneSlot& slot = take_slot(delivery.id, delivery.generation);
  slot.message = std::move(delivery.message);
  slot.address = delivery.address;
  slot.accepted_at = delivery.accepted_at;
  slot.place = delivery.next_at;
  slot.expires_at = slot.message->expires_at;
  slot.queue = delivery.queue;
  enqueue(slot);
}

void Lane::take(stage::ClaimedDelivery&& row, DeliveryClass queue, std::uint32_t generation) {
  LaneSlot& slot = take_slot(row.id, generation);
  slot.attempts = row.attempts;
  slot.crashes = row.crashes;
  slot.accepted_at = row.accepted_at;
  slot.place = row.next_at;
  slot.redriven = row.redriven;
  slot.redrives = row.redrives;
  slot.mirror = row.mirror;
  slot.in_line = row.in_line;
  slot.waited = row.next_at > row.accepted_at;
  slot.expires_at = row.redriven ? std::nullopt : row.expires_at;
  slot.queue = queue;
  if (row.crashes >= kCrashesMax) {
    return settle(slot, bury(slot.attempts, GiveUpCause::kCrashed, "crashed_gateway"));
  }
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
    settle(slot,
           bury(slot.attempts, GiveUpCause::kUnreadable,
                "cannot be read: " + decoded.error().pointer + ": " + decoded.error().detail));
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
  if (draining_ || halted()) return settle(slot, release(slot.attempts));
  if (expired(slot)) return settle(slot, expire(slot.attempts));
  slot.state = State::kWaiting;
  waiting(slot.queue).push_back(slot);
  loop_.at_tick_end(*this);
}

bool Lane::expired(const LaneSlot& slot) const {
  return slot.expires_at && *slot.expires_at <= loop_.wall();
}

// Whatever waits here, wherever, if it is wanted: what is marked or parked has not begun either.
template <typename Wanted, typename Take>
void Lane::take_out(Wanted&& wanted, Take&& take) {
  for (SlotQueue* queue : {&waiting_[0], &waiting_[1], &parked_, &marked_}) {
    for (LaneSlot* slot = queue->first(); slot != nullptr;) {
      LaneSlot* const after = SlotQueue::after(*slot);
      if (wanted(*slot)) {
        queue->remove(*slot);
        if (slot->state == State::kMarked) leave_flight(*slot);
        if (slot->state == State::kParked) --parked_count_;
        slot->deadline.cancel();
        take(*slot);
      }
      slot = after;
    }
  }
}

void Lane::on_cancelled(message::NotificationId id) {
  take_out([id](const LaneSlot& slot) { return slot.id.notification == id; },
           [this](LaneSlot& slot) { settle(slot, cancel(slot.attempts)); });
}

void Lane::on_store_status(const StoreStatus& status) {
  if (status.generation != generation_) {
    generation_ = status.generation;
    release_waiting(generation_);
  }
  loop_.at_tick_end(*this);
}

void Lane::tell_held(std::span<const message::DeliveryId> asked,
                     std::vector<message::DeliveryId>& held) const {
  if (held_ == 0) return;
  for (const LaneSlot& slot : slots_) {
    const bool used = slot.state != State::kFree;
    if (used && std::ranges::binary_search(asked, slot.id)) held.push_back(slot.id);
  }
}

void Lane::release_waiting(std::uint32_t but_generation) {
  take_out([=](const LaneSlot& slot) { return slot.generation != but_generation; },
           [this](LaneSlot& slot) { settle(slot, release(slot.attempts)); });
}

}  // namespace tocsin::delivery
