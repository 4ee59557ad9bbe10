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
  ++slot.turn;
  slot.deadline.cancel();
  leave_flight();
  metrics_.attempts[static_cast<std::size_t>(verdict.kind)]->add();
  metrics_.attempt_seconds.observe(loop_.clock().mono() - slot.begun_at);
  Settlement next = decide(verdict, {slot.attempts, idempotent(slot)}, policy_, random_());
  carry_out(next.effect, slot);
  if (next.effect.kind == LaneEffect::Kind::kSuppressAddress) suppress(slot, verdict);
  log_attempt(slot, verdict, next);
  if (verdict.kind == VerdictKind::kDelivered) {
    slot.provider_id = cut_text(verdict.provider_id, message::kProviderIdBytesMax);
  }
  settle(slot, std::move(next));
}

void Lane::carry_out(const LaneEffect& effect, const LaneSlot& slot) {
  const MonoTime now = loop_.now();
  if (effect.kind != LaneEffect::Kind::kPauseOutput && gate_.paused()) {
    gate_.resume();
    metrics_.paused.set(0);
    TOCSIN_LOG(log_, kInfo, "delivery", "output resumed", {"output", output_name()});
  }
  switch (effect.kind) {
    case LaneEffect::Kind::kNone:
    case LaneEffect::Kind::kSuppressAddress:  // see suppress()
      break;
    case LaneEffect::Kind::kCloseAddress:
      closed_addresses_.close(slot.address, now + effect.wait, now);
      break;
    case LaneEffect::Kind::kCloseOutput:
      gate_.close(now + effect.wait);
      break;
    case LaneEffect::Kind::kPauseOutput:
      if (!gate_.paused()) {
        TOCSIN_LOG(log_, kError, "delivery", "output paused: its credentials are refused",
                   {"output", output_name()}, {"probe_ms", effect.wait});
      }
      gate_.pause(now + effect.wait);
      metrics_.paused.set(1);
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
  if (next.may_pass) slot.redrive_wait = policy.wait_after(slot.redrives);
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
    if (!draining_) return go_on(slot);
    if (marking) leave_flight();
    return settle(slot, release(slot.attempts));
  }
  if (marking) leave_flight();
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
    waiting_[static_cast<std::size_t>(slot.queue)].put_back(slot);
  }
  loop_.at_tick_end(*this);
}

void Lane::count(const LaneSlot& slot) {
  if (!slot.ours()) {
    metrics_.lost.add();
    TOCSIN_LOG(log_, kWarning, "delivery", "a claim was lost",
               {"notification_id", slot.id.notification.text()}, {"delivery_id", slot.id.text()},
               {"output", output_name()}, {"state", message::state_name(slot.op.state)});
  } else if (slot.op.cancelled || slot.op.state == DeliveryState::kCancelled) {
    metrics_.cancelled.add();
  } else if (slot.op.state == DeliveryState::kDelivered) {
    metrics_.delivered.add();
  } else if (slot.op.state == DeliveryState::kDead) {
    metrics_.dead.add();
  }
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

void Lane::leave_flight() {
  --in_flight_;
  metrics_.in_flight.subtract();
  loop_.at_tick_end(*this);
}

void Lane::drain(Duration grace, Function<void()> done) {
  loop_.assert_owner();
  TOCSIN_ASSERT(!draining_, "a lane was drained twice");
  draining_ = true;
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
  leave_flight();
  settle(slot, release(slot.attempts));
}

void Lane::on_door_answered(DoorAnswer& answer) {
  answer.pending = false;
  if (&answer == &resizing_) return resize_door();
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
