#include "gateway/delivery/lane_pace.h"

#include <algorithm>
#include <array>

#include "gateway/base/assert.h"
#include "gateway/delivery/settle.h"

namespace tocsin::delivery {

using message::VerdictKind;
using policy::BreakerState;
using policy::CallOutcome;
using policy::ConcurrencyLimit;

namespace {

// What says something about the receiver's health. A throttle does not, nor do credentials or the
// output's own faults; who refuses a notification for what it says is well.
std::optional<CallOutcome> breaker_outcome(VerdictKind verdict) {
  switch (verdict) {
    case VerdictKind::kDelivered:
    case VerdictKind::kRejected:
    case VerdictKind::kTargetGone:
      return CallOutcome::kSuccess;
    case VerdictKind::kRetry:
    case VerdictKind::kAmbiguous:
      return CallOutcome::kFailure;
    case VerdictKind::kThrottled:
    case VerdictKind::kUnauthorized:
    case VerdictKind::kInternal:
      return std::nullopt;
  }
  return std::nullopt;
}

ConcurrencyLimit::Outcome load_of(VerdictKind verdict) {
  switch (verdict) {
    case VerdictKind::kDelivered:
      return ConcurrencyLimit::Outcome::kSuccess;
    case VerdictKind::kRetry:
    case VerdictKind::kAmbiguous:
    case VerdictKind::kThrottled:
      return ConcurrencyLimit::Outcome::kOverload;
    default:
      return ConcurrencyLimit::Outcome::kIgnored;
  }
}

// The states and their ends stay; only the shape of a bucket that was not there is new.
void set_rate(std::optional<policy::TokenBucket>& bucket,
              const std::optional<policy::RateLimit>& rate) {
  if (!rate) {
    bucket.reset();
  } else if (bucket) {
    bucket->set_limit(*rate);
  } else {
    bucket.emplace(*rate);
  }
}

}  // namespace

std::string_view lane_wait_name(LaneWait wait) {
  constexpr std::array<std::string_view, kLaneWaits> kNames = {
      "nothing", "operator", "quarantine", "unauthorized", "throttled",
      "account", "breaker",  "rate",       "concurrency"};
  return kNames.at(static_cast<std::size_t>(wait));
}

LanePace::LanePace(const LanePolicy& policy, Function<void(const BreakerTransition&)> on_breaker)
    : breaker_(policy.breaker_options()),
      concurrency_(policy.concurrency_options()),
      budget_(policy.retry_budget_options()),
      on_breaker_(std::move(on_breaker)) {
  set_rate(rate_, policy.rate);
}

void LanePace::set_policy(const LanePolicy& policy) {
  breaker_.set_options(policy.breaker_options());
  concurrency_.set_options(policy.concurrency_options());
  budget_.set_options(policy.retry_budget_options());
  set_rate(rate_, policy.rate);
}

LanePace::Look LanePace::look(MonoTime now) const {
  Look found;
  const auto ask = [&](LaneWait who, MonoTime until) {
    if (until > now && until > found.until) found = {who, until};
  };
  if (gate_.halted()) return {LaneWait::kHalted, MonoTime::max()};
  const MonoTime breaker = breaker_.admits_at(now);
  ask(LaneWait::kQuarantine, gate_.held_until());
  ask(LaneWait::kUnauthorized, gate_.paused() ? gate_.probe_at() : MonoTime::min());
  ask(LaneWait::kThrottled, gate_.closed_until());
  if (account_ != nullptr) ask(LaneWait::kAccount, account_->opens_at());
  ask(LaneWait::kBreaker, breaker);
  if (rate_) ask(LaneWait::kRate, rate_->next_at(now));
  if (concurrency_.in_flight() >= concurrency_.limit()) {
    ask(LaneWait::kConcurrency, MonoTime::max());
  }
  found.breaker_refuses = breaker > now;
  return found;
}

Duration LanePace::retry_wait(MonoTime now) {
  if (budget_.remaining(now) > 0) return Duration::zero();
  // Those that wait come back as far apart as the budget grants them in any case; all of them at
  // once would only be sent away again.
  const policy::RetryBudgetOptions& options = budget_.options();
  const Duration first = options.window / policy::TimeWindow<int>::kSlices;
  const MonoTime latest = now + std::max(first, kRetryWaitMax);
  next_retry_ = std::min(std::max(next_retry_, now + first), latest);
  const Duration wait = next_retry_ - now;
  next_retry_ += options.window / std::max<std::uint32_t>(1, options.retries_min);
  return wait;
}

LanePace::Permit LanePace::begin(MonoTime now, bool is_retry) {
  const bool has_room = concurrency_.try_acquire();
  TOCSIN_ASSERT(has_room, "an attempt began without room");
  const policy::CircuitBreaker::Admission admission = breaker_.admit(now);
  TOCSIN_ASSERT(admission.permit, "an attempt began against the breaker");
  on_transition(admission.transition, now);
  if (rate_) rate_->reserve(now);
  if (!is_retry) {
    budget_.on_request(now);
  } else {
    const bool granted = budget_.try_retry(now);
    TOCSIN_ASSERT(granted, "a retry began beyond the budget");
  }
  gate_.on_attempt(now, kProbeEvery);
  return {*admission.permit, is_retry};
}

void LanePace::end(const Permit& permit, MonoTime now, VerdictKind verdict, Duration took) {
  concurrency_.release(now, took, load_of(verdict));
  if (permit.is_retry && verdict == VerdictKind::kDelivered) budget_.give_back(now);
  const auto outcome = breaker_outcome(verdict);
  if (outcome == CallOutcome::kSuccess) {
    throttles_.on_served(now - took);
    if (account_ != nullptr) account_->on_served(now - took);
  }
  if (outcome) {
    on_transition(breaker_.record(permit.breaker, now, *outcome, took), now);
  } else {
    breaker_.abandon(permit.breaker);
  }
}

void LanePace::abandon(const Permit& permit, MonoTime now) {
  concurrency_.release(now, Duration::zero(), ConcurrencyLimit::Outcome::kIgnored);
  if (permit.is_retry) budget_.give_back(now);
  breaker_.abandon(permit.breaker);
}

Duration LanePace::on_throttled(message::VerdictScope scope, MonoTime begun, MonoTime now,
                                std::uint64_t random_bits) {
  if (scope == message::VerdictScope::kAccount && account_ != nullptr) {
    return account_->on_throttled(begun, now, random_bits);
  }
  return throttles_.on_throttled(begun, now, random_bits);
}

bool LanePace::stepped() const {
  return throttles_.steps() > 0 || (account_ != nullptr && account_->stepped());
}

void LanePace::close_account(MonoTime until) {
  if (account_ != nullptr) {
    account_->close(until);
  } else {
    gate_.close(until);
  }
}

BreakerState LanePace::force(BreakerOrder order, MonoTime now) {
  switch (order) {
    case BreakerOrder::kOpen:
      on_transition(breaker_.force_open(now), now);
      break;
    case BreakerOrder::kClosed:
      on_transition(breaker_.force_closed(now), now);
      break;
    case BreakerOrder::kAuto:
      on_transition(breaker_.release(now), now);
      break;
  }
  return breaker_.state();
}

PaceState LanePace::state(MonoTime now, WallTime wall) const {
  const auto left = [now](MonoTime until) { return std::max(until, now) - now; };
  const policy::CircuitBreaker::Kept breaker = breaker_.kept(now);
  PaceState state;
  state.at = wall;
  state.breaker = breaker.state;
  state.breaker_left = left(breaker.until);
  state.open_for = breaker.open_for;
  if (unclosed_since_) state.unclosed_for = now - *unclosed_since_;
  state.throttled_left = left(gate_.closed_until());
  state.throttle_steps = throttles_.steps();
  state.paused = gate_.paused();
  state.halted = gate_.halted();
  if (state.paused) state.probe_left = left(gate_.probe_at());
  if (account_ != nullptr) {
    state.account = account_->name();
    state.account_left = left(account_->opens_at());
    state.account_steps = account_->steps();
  }
  if (rate_) state.rate_spent = rate_->spent(now);
  return state;
}

void LanePace::restore(const PaceState& kept, MonoTime now, WallTime wall, bool but_breaker) {
  restore_gates(kept, now, wall);
  const PaceState state = kept.aged(wall);
  if (state.paused) {
    gate_.pause(now + std::min(state.probe_left, kProbeEvery));
  } else {
    gate_.resume();
  }
  if (rate_) rate_->restore(state.rate_spent, now);
  if (but_breaker) return;
  on_transition(breaker_.restore({state.breaker, now + state.breaker_left, state.open_for}, now),
                now);
  // Of the time in between nobody knows anything.
  if (unclosed_since_) *unclosed_since_ = now - state.unclosed_for;
}

void LanePace::restore_gates(const PaceState& kept, MonoTime now, WallTime wall) {
  const PaceState state = kept.aged(wall);
  const auto until = [now](Duration left) { return now + std::min(left, kThrottleMax); };
  if (state.throttled_left > Duration::zero()) gate_.close(until(state.throttled_left));
  throttles_.restore(state.throttle_steps, now);
  if (account_ != nullptr && account_->name() == state.account) {
    account_->close(until(state.account_left));
    account_->restore(state.account_steps, now);
  }
}

void LanePace::on_transition(const std::optional<BreakerTransition>& transition, MonoTime now) {
  if (!transition) return;
  if (policy::is_closed(transition->to)) {
    unclosed_since_.reset();
  } else if (!unclosed_since_) {
    unclosed_since_ = now;
  }
  on_breaker_(*transition);
}

}  // namespace tocsin::delivery
