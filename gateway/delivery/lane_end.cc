// What attempts and settlements come to, and how a lane ends.
#include "gateway/delivery/lane.h"

namespace tocsin::delivery {

using message::DeliveryState;
using message::Verdict;
using message::VerdictKind;

void Lane::complete(stage::AttemptToken token, Verdict verdict) {
  loop_.assert_owner();
  const std::uint32_t index = LaneSlot::index_of(token);
  if (index < slots_.size()) {
    LaneSlot& slot = slots_[index];
    if (slot.state == State::kAttempting && slot.token() == token) return finish(slot, verdict);
  }
  metrics_.late.add();
}

void Lane::on_deadline(LaneSlot& slot) {
  const stage::AttemptToken token = slot.token();
  ++slot.turn;  // a verdict that comes out of cancel() comes too late
  slot.output->cancel(token);
  const std::string why = "no verdict within " + format_duration(policy_.timeout);
  finish(slot, cut_short(why, idempotent(slot), policy_));
}

void Lane::finish(LaneSlot& slot, const Verdict& verdict) {
  const MonoTime now = loop_.clock().mono();
  const Duration took = now - slot.begun_at;
  ++slot.turn;
  slot.deadline.cancel();
  metrics_.attempts[static_cast<std::size_t>(verdict.kind)]->add();
  metrics_.attempt_seconds.observe(took);
  const bool delivered = verdict.kind == VerdictKind::kDelivered;
  const bool gone = verdict.kind == VerdictKind::kTargetGone;
  const DeliveryContext context = {slot.attempts, idempotent(slot),
                                   !delivered && successor(slot, !gone).has_value(),
                                   own_pause(verdict, slot, now)};
  Settlement next = decide(verdict, context, policy_, random_());
  if (proves_credentials(verdict)) {
    resume_paused();
    addresses_.on_served(slot.address, slot.begun_at, now);
  }
  carry_out(next.effect, slot, now);
  if (next.effect.kind == LaneEffect::Kind::kSuppressAddress) suppress(slot, verdict);
  const bool stepped = pace_.stepped();
  pace_.end(slot.permit, now, verdict.kind, took);
  if (stepped && !pace_.stepped()) keep_pace(PaceKeeper::When::kSoon);
  on_flight_left();
  log_attempt(slot, verdict, next);
  if (delivered) {
    slot.provider_id = cut_text(verdict.provider_id, message::kProviderIdBytesMax);
    metrics_.delivery_seconds.observe(loop_.clock().wall() - slot.accepted_at);
  }
  settle(slot, std::move(next));
}

// Longer each time that its receiver asks for a pause and does not say how long.
Duration Lane::own_pause(const Verdict& verdict, const LaneSlot& slot, MonoTime now) {
  if (!names_no_time(verdict)) return Duration::zero();
  if (verdict.scope == message::VerdictScope::kAddress) {
    return addresses_.on_throttled(slot.address, slot.begun_at, now, random_());
  }
  return pace_.on_throttled(verdict.scope, slot.begun_at, now, random_());
}

// Who gets what is given up: the first of the chain that has somebody to send it to.
std::optional<Lane::Successor> Lane::successor(const LaneSlot& slot, bool same_address) const {
  const LaneFallback* to = &policy_.fallback;
  for (; to != nullptr && !to->output.empty(); to = to->next.get()) {
    auto address = address_within(*to, slot, same_address);
    if (address) return Successor{to->output, *std::move(address)};
  }
  return std::nullopt;
}

// Where a fallback would deliver: to the same address if it takes that kind, else to the first of
// the notification's that it takes, else to its own. What may not go to the same address goes to no
// other of its kind either: that is somebody else, who hears of it by a delivery of his own.
std::optional<std::string> Lane::address_within(const LaneFallback& fallback, const LaneSlot& slot,
                                                bool same_address) const {
  const std::string_view kind = fallback.address_kind;
  const bool takes_it = !kind.empty() && slot.address.substr(0, slot.address.find(':')) == kind;
  if (takes_it && same_address) return std::string(slot.address);
  std::optional<std::string> found;
  for (const message::Recipient& recipient : slot.message->to) {
    if (takes_it || kind.empty() || recipient.kind != kind) continue;
    std::string address = std::string(kind).append(":").append(recipient.value);
    if (suppressions_ == nullptr || !suppressions_->find(address)) return address;
    if (!found) found = std::move(address);  // the fallback says what is the matter with it
  }
  if (!found && fallback.has_own_address) found.emplace();
  return found;
}

void Lane::resume_paused() {
  if (!paused()) return;
  pace_.gate().resume();
  metrics_.unauthorized.set(0);
  keep_pace(PaceKeeper::When::kSoon);
  TOCSIN_LOG(log_, kInfo, "delivery", "output resumed", {"output", output_name()});
}

void Lane::carry_out(const LaneEffect& effect, const LaneSlot& slot, MonoTime now) {
  switch (effect.kind) {
    case LaneEffect::Kind::kNone:
    case LaneEffect::Kind::kSuppressAddress:  // see suppress()
      break;
    case LaneEffect::Kind::kCloseAddress:
      addresses_.close(slot.address, now + effect.wait, now);
      break;
    case LaneEffect::Kind::kCloseOutput:
      pace_.gate().close(now + effect.wait);
      keep_pace(PaceKeeper::When::kSoon);
      break;
    case LaneEffect::Kind::kCloseAccount:
      pace_.close_account(now + effect.wait);
      keep_pace(PaceKeeper::When::kSoon);
      break;
    case LaneEffect::Kind::kPauseOutput:
      if (!paused()) {
        TOCSIN_LOG(log_, kError, "delivery", "output paused: its credentials are refused",
                   {"output", output_name()}, {"probe_ms", effect.wait});
      }
      pace_.gate().pause(now + effect.wait);
      metrics_.unauthorized.set(1);
      keep_pace(PaceKeeper::When::kSoon);
      break;
  }
}

// An output's own target has no address to remember; its deliveries die one by one.
void Lane::suppress(const LaneSlot& slot, const Verdict& verdict) {
  if (suppressions_ == nullptr || slot.address.empty()) return;
  TOCSIN_LOG(log_, kInfo, "delivery", "address suppressed", {"output", output_name()},
             {"delivery_id", slot.id.text()}, {"reason", verdict.reason});
  suppressions_->suppress({.address = std::string(slot.address),
                           .reason = because("the target is gone", verdict.reason),
                           .by = output_name(),
                           .since = loop_.wall(),
                           .until = std::nullopt},
                          kSuppressFor, nullptr);
}

// While it was down some may have been given up that would arrive now.
void Lane::bring_letters() {
  if (!policy_.dead_letters.on_recovery) recovering_ = false;
  if (!recovering_ || !opened_ || draining_ || recovered_.pending) return;
  recovered_.pending = true;
  port_.submit(recovered_);
}

void Lane::on_breaker(const LanePace::BreakerTransition& transition) {
  if (!policy::is_closed(transition.from) && policy::is_closed(transition.to)) {
    recovering_ = true;
    bring_letters();
  }
  const auto gauge = [this](policy::BreakerState state) {
    return metrics_.breaker[static_cast<std::size_t>(state)];
  };
  gauge(transition.from)->set(0);
  gauge(transition.to)->set(1);
  if (transition.to == policy::BreakerState::kOpen && !restoring_) metrics_.breaker_opened.add();
  TOCSIN_LOG(log_, kWarning, "delivery", "the breaker changed", {"output", output_name()},
             {"from", policy::breaker_state_name(transition.from)},
             {"to", policy::breaker_state_name(transition.to)}, {"reason", transition.reason},
             {"attempts", transition.counts.calls}, {"failed", transition.counts.failures},
             {"slow", transition.counts.slow});
  keep_pace(PaceKeeper::When::kSoon);
}

void Lane::log_attempt(const LaneSlot& slot, const Verdict& verdict, const Settlement& next) {
  if (verdict.kind == VerdictKind::kDelivered) {
    TOCSIN_LOG(log_, kDebug, "delivery", "delivered",
               {"notification_id", slot.id.notification.text()}, {"delivery_id", slot.id.text()},
               {"output", output_name()}, {"attempt", slot.attempts + 1},
               {"provider_id", verdict.provider_id});
    return;
  }
  TOCSIN_LOG(log_, kWarning, "delivery", "attempt failed",
             {"notification_id", slot.id.notification.text()}, {"delivery_id", slot.id.text()},
             {"output", output_name()}, {"attempt", slot.attempts + 1},
             {"verdict", message::verdict_name(verdict.kind)}, {"reason", verdict.reason},
             {"next", message::state_name(next.state)}, {"wait_ms", next.wait});
}

void Lane::settle(LaneSlot& slot, Settlement next) {
  slot.state = State::kSettling;
  slot.op.id = slot.id;
  slot.op.state = next.state;
  slot.op.attempts = next.attempts;
  slot.op.crashes = slot.crashes;
  slot.wait = next.wait;
  slot.reason = std::move(next.reason);
  bury_or_hold(slot, next);
  if (next.state != DeliveryState::kDelivered) slot.provider_id.clear();
  if (next.state == DeliveryState::kFellBack) {
    std::optional<Successor> to = successor(slot, !bars_address(next.cause));
    slot.successor_output = std::move(to->output);
    slot.successor_address = std::move(to->address);
  }
  slot.cause = next.cause;
  if (next.state != DeliveryState::kClaimed) slot.message = {};
  slot.output = nullptr;
  if (next.state == DeliveryState::kDead) {
    TOCSIN_LOG(log_, kWarning, "delivery", "dead letter",
               {"notification_id", slot.id.notification.text()}, {"delivery_id", slot.id.text()},
               {"output", output_name()}, {"attempts", next.attempts}, {"reason", slot.reason},
               {"final", slot.redrive_wait == Duration::zero()});
  }
  port_.submit(slot);
}

// A dead letter: the clock sends it again, or it is final and others hear of it. What is itself a
// copy or tells of another is neither copied nor told of, so that nothing goes in circles.
void Lane::bury_or_hold(LaneSlot& slot, const Settlement& next) {
  slot.redrive_wait = Duration::zero();
  slot.successor_is_mirror = slot.tells = false;
  if (next.state != DeliveryState::kFellBack) slot.successor_output.clear();
  if (next.state != DeliveryState::kDead) return;
  const DeadLetterPolicy& policy = policy_.dead_letters;
  if (may_pass(next.cause)) slot.redrive_wait = policy.wait_after(slot.redrives);
  if (slot.redrive_wait > Duration::zero() || slot.mirror) return;
  const bool notice = slot.message && slot.message->topic == kDeadLetterTopic;
  slot.tells = policy.notify && !notice;
  if (policy.mirror.empty() || policy.mirror == output_name() || notice) return;
  slot.successor_output = policy.mirror;
  slot.successor_address.clear();
  slot.successor_is_mirror = true;
}

void Lane::tell_of_end(const LaneSlot& slot) {
  const bool ended = slot.committed() && slot.op.changed && !slot.op.cancelled;
  if (!slot.tells || !ended || notices_ == nullptr || draining_) return;
  notices_->tell(slot.id, output_name(), slot.reason, slot.op.attempts);
}

void Lane::on_settled(LaneSlot& slot) {
  const bool marking = slot.state == State::kMarking;
  const bool goes_on = marking || slot.op.state == DeliveryState::kClaimed;
  if (goes_on && slot.committed() && slot.op.changed && !slot.op.cancelled) {
    if (!draining_ && !halted()) return go_on(slot);
    if (marking) leave_flight(slot);
    return settle(slot, release(slot.attempts));
  }
  if (marking) leave_flight(slot);
  count(slot);
  tell_of_end(slot);
  free(slot);
}

// What was marked is begun as soon as it may be; what its output turned away waits in its place.
void Lane::go_on(LaneSlot& slot) {
  if (slot.state == State::kMarking) {
    slot.state = State::kMarked;
    marked_.push_back(slot);
  } else {
    slot.state = State::kWaiting;
    waiting(slot.queue).put_back(slot);
  }
  loop_.at_tick_end(*this);
}

void Lane::count(const LaneSlot& slot) {
  if (!slot.ours()) {
    metrics_.lost.add();
    TOCSIN_LOG(log_, kWarning, "delivery", "a claim was lost",
               {"notification_id", slot.id.notification.text()}, {"delivery_id", slot.id.text()},
               {"output", output_name()}, {"state", message::state_name(slot.op.state)});
    return;
  }
  const DeliveryState end = slot.op.cancelled ? DeliveryState::kCancelled : slot.op.state;
  switch (end) {
    case DeliveryState::kDelivered:
      metrics_.delivered.add();
      break;
    case DeliveryState::kDead:
      metrics_.dead.add();
      metrics_.give_up(slot.cause, message::state_name(end));
      break;
    case DeliveryState::kFellBack:
      metrics_.fell_back.add();
      metrics_.give_up(slot.cause, message::state_name(end));
      break;
    case DeliveryState::kCancelled:
      metrics_.cancelled.add();
      break;
    default:
      return;  // it is not over
  }
  if (slot.redriven || slot.redrives > 0) metrics_.redriven(end);
}

void Lane::free(LaneSlot& slot) {
  slot.state = State::kFree;
  slot.message = {};
  free_.push_back(slot);
  --held_;
  metrics_.held.subtract();
  loop_.at_tick_end(*this);
  if (draining_) end_drain();
}

// Without a verdict that says anything about the output.
void Lane::leave_flight(LaneSlot& slot) {
  pace_.abandon(slot.permit, loop_.now());
  on_flight_left();
}

void Lane::on_flight_left() {
  metrics_.in_flight.subtract();
  if (policy_.concurrency_min) metrics_.concurrency.set(pace_.concurrency());
  loop_.at_tick_end(*this);
}

void Lane::drain(Duration grace, Function<void()> done) {
  loop_.assert_owner();
  TOCSIN_ASSERT(!draining_, "a lane was drained twice");
  draining_ = true;
  keep_pace(PaceKeeper::When::kAtOnce);
  on_drained_ = std::move(done);
  release_waiting(StoreStatus::kNoGeneration);
  drain_timer_.arm_after(grace);
  if (!opened_) {
    door_closed_ = true;
    return end_drain();
  }
  closing_.pending = true;
  port_.submit(closing_);
}

// The rest of the grace is the store's: what is cut here must still be settled.
void Lane::cut_attempts() {
  for (LaneSlot& slot : slots_) {
    if (slot.state == State::kAttempting) cut_attempt(slot);
  }
}

void Lane::cut_attempts_of(const stage::Output& output) {
  for (LaneSlot& slot : slots_) {
    if (slot.state == State::kAttempting && slot.output == &output) cut_attempt(slot);
  }
}

void Lane::cut_attempt(LaneSlot& slot) {
  const stage::AttemptToken token = slot.token();
  ++slot.turn;
  slot.output->cancel(token);
  if (needs_mark(idempotent(slot), policy_)) {
    return finish(slot, cut_short("the gateway stopped", false, policy_));
  }
  slot.deadline.cancel();
  leave_flight(slot);
  settle(slot, release(slot.attempts));
}

void Lane::on_door_answered(DoorAnswer& answer) {
  answer.pending = false;
  if (&answer == &resizing_) return resize_door();
  if (&answer == &recovered_ && answer.committed()) {
    recovering_ = false;
    keep_pace(PaceKeeper::When::kSoon);
  }
  if (&answer != &closing_) return;
  door_closed_ = true;
  end_drain();
}

void Lane::end_drain() {
  if (!door_closed_ || held_ > 0 || !on_drained_) return;
  drain_timer_.cancel();
  loop_.post(std::move(on_drained_));
  on_drained_ = nullptr;
}

}  // namespace tocsin::delivery
