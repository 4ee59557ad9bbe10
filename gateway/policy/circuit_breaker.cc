#include "gateway/policy/circuit_breaker.h"

#include <algorithm>

#include "gateway/base/assert.h"

namespace tocsin::policy {

std::string_view breaker_state_name(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return "closed";
    case BreakerState::kOpen:
      return "open";
    case BreakerState::kHalfOpen:
      return "half_open";
    case BreakerState::kForcedOpen:
      return "forced_open";
    case BreakerState::kForcedClosed:
      return "forced_closed";
  }
  return "closed";
}

Result<void> BreakerOptions::check() const {
  if (window_calls == 0 && window <= Duration::zero()) {
    return fail(Code::kInvalid, "window must be positive");
  }
  if (window_calls > kCallsMax || min_calls > kCallsMax || half_open_calls > kCallsMax) {
    return fail(Code::kInvalid, "a breaker counts at most 100000 calls");
  }
  if (min_calls == 0) return fail(Code::kInvalid, "min_calls must be at least 1");
  if (window_calls != 0 && window_calls < min_calls) {
    return fail(Code::kInvalid, "a window of fewer calls than min_calls would never open");
  }
  if (!(failure_rate > 0)) return fail(Code::kInvalid, "failure_rate must be above 0");
  if (!(slow_rate > 0)) return fail(Code::kInvalid, "slow_rate must be above 0");
  if (slow_call < Duration::zero()) return fail(Code::kInvalid, "slow_call must not be negative");
  if (open_for <= Duration::zero()) return fail(Code::kInvalid, "open_for must be positive");
  if (open_for_max < open_for || open_for_max > std::chrono::hours(24 * 365)) {
    return fail(Code::kInvalid, "open_for_max must be within open_for and a year");
  }
  if (half_open_calls == 0) return fail(Code::kInvalid, "half_open_calls must be at least 1");
  return {};
}

CircuitBreaker::CircuitBreaker(const BreakerOptions& options)
    : options_(options),
      open_for_(options.open_for),
      window_(options.window_calls, options.window) {
  TOCSIN_ASSERT(options.check(), "breaker options were not checked");
}

CircuitBreaker::Admission CircuitBreaker::admit(MonoTime now) {
  switch (state_) {
    case BreakerState::kClosed:
    case BreakerState::kForcedClosed:
      return Admission{Permit{era_}, MonoTime::min(), {}};
    case BreakerState::kForcedOpen:
      return Admission{{}, MonoTime::max(), {}};
    case BreakerState::kHalfOpen:
      return admit_probe(now);
    case BreakerState::kOpen:
      break;
  }
  if (now < until_) return Admission{{}, until_, {}};
  const Transition transition = enter(BreakerState::kHalfOpen, now, "open_for_over");
  Admission admission = admit_probe(now);
  admission.transition = transition;
  return admission;
}

MonoTime CircuitBreaker::admits_at(MonoTime now) const {
  switch (state_) {
    case BreakerState::kClosed:
    case BreakerState::kForcedClosed:
      return MonoTime::min();
    case BreakerState::kForcedOpen:
      return MonoTime::max();
    case BreakerState::kOpen:
      return until_;
    case BreakerState::kHalfOpen:
      return probes_started_ < options_.half_open_calls ? now : until_;
  }
  return MonoTime::min();
}

CircuitBreaker::Admission CircuitBreaker::admit_probe(MonoTime now) {
  if (now >= until_) {
    // Probes that never reported must not hold the breaker half-open for ever.
    ++era_;
    start_probing(now);
  }
  if (probes_started_ >= options_.half_open_calls) return Admission{{}, until_, {}};
  ++probes_started_;
  return Admission{Permit{era_}, MonoTime::min(), {}};
}

std::optional<CircuitBreaker::Transition> CircuitBreaker::record(Permit permit, MonoTime now,
                                                                 CallOutcome outcome,
                                                                 Duration duration) {
  if (permit.era != era_) return std::nullopt;
  const bool failed = outcome == CallOutcome::kFailure;
  const bool slow = options_.slow_call > Duration::zero() && duration >= options_.slow_call;
  if (state_ == BreakerState::kClosed) {
    window_.add(now, failed, slow);
    return judge_window(now);
  }
  if (state_ != BreakerState::kHalfOpen) return std::nullopt;
  probes_ += CallCounts{1, failed ? 1u : 0u, slow ? 1u : 0u};
  return judge_probes(now);
}

void CircuitBreaker::abandon(Permit permit) {
  if (permit.era != era_ || state_ != BreakerState::kHalfOpen) return;
  TOCSIN_ASSERT(probes_started_ > probes_.calls, "a probe was abandoned twice");
  --probes_started_;
}

std::optional<CircuitBreaker::Transition> CircuitBreaker::judge_window(MonoTime now) {
  const CallCounts counts = window_.counts(now);
  if (counts.calls < options_.min_calls) return std::nullopt;
  if (counts.failure_rate() >= options_.failure_rate) return open(now, "failure_rate");
  if (options_.slow_call > Duration::zero() && counts.slow_rate() >= options_.slow_rate) {
    return open(now, "slow_rate");
  }
  return std::nullopt;
}

// The probes are judged by the same rates over half_open_calls, as soon as the result is certain:
// the reports still missing cannot undo a failure, and may not be waited for.
std::optional<CircuitBreaker::Transition> CircuitBreaker::judge_probes(MonoTime now) {
  CallCounts planned = probes_;
  planned.calls = options_.half_open_calls;
  if (planned.failure_rate() >= options_.failure_rate) return open(now, "probe_failed");
  if (options_.slow_call > Duration::zero() && planned.slow_rate() >= options_.slow_rate) {
    return open(now, "probe_slow");
  }
  if (probes_.calls < options_.half_open_calls) return std::nullopt;
  const Transition transition = enter(BreakerState::kClosed, now, "probes_passed");
  open_for_ = options_.open_for;
  return transition;
}

CircuitBreaker::Transition CircuitBreaker::open(MonoTime now, std::string_view reason) {
  const Transition transition = enter(BreakerState::kOpen, now, reason);
  until_ = now + open_for_;
  open_for_ = std::min(open_for_ * 2, options_.open_for_max);
  return transition;
}

CircuitBreaker::Transition CircuitBreaker::enter(BreakerState to, MonoTime now,
                                                 std::string_view reason) {
  const Transition transition{state_, to, reason,
                              state_ == BreakerState::kHalfOpen ? probes_ : window_.counts(now)};
  state_ = to;
  ++era_;
  window_.clear();
  if (to == BreakerState::kHalfOpen) start_probing(now);
  return transition;
}

void CircuitBreaker::start_probing(MonoTime now) {
  probes_ = CallCounts{};
  probes_started_ = 0;
  until_ = now + open_for_;
}

std::optional<CircuitBreaker::Transition> CircuitBreaker::force_open(MonoTime now) {
  if (state_ == BreakerState::kForcedOpen) return std::nullopt;
  return enter(BreakerState::kForcedOpen, now, "forced");
}

std::optional<CircuitBreaker::Transition> CircuitBreaker::force_closed(MonoTime now) {
  if (state_ == BreakerState::kForcedClosed) return std::nullopt;
  return enter(BreakerState::kForcedClosed, now, "forced");
}

std::optional<CircuitBreaker::Transition> CircuitBreaker::release(MonoTime now) {
  if (state_ != BreakerState::kForcedOpen && state_ != BreakerState::kForcedClosed) {
    return std::nullopt;
  }
  const Transition transition = enter(BreakerState::kClosed, now, "released");
  open_for_ = options_.open_for;
  return transition;
}

CircuitBreaker::Kept CircuitBreaker::kept(MonoTime now) const {
  if (state_ == BreakerState::kHalfOpen) return {BreakerState::kOpen, now, open_for_};
  return {state_, state_ == BreakerState::kOpen ? until_ : MonoTime::min(), open_for_};
}

std::optional<CircuitBreaker::Transition> CircuitBreaker::restore(const Kept& kept, MonoTime now) {
  TOCSIN_ASSERT(kept.state != BreakerState::kHalfOpen, "probes are not kept");
  std::optional<Transition> transition;
  if (kept.state != state_) transition = enter(kept.state, now, "kept");
  if (kept.state == BreakerState::kOpen) until_ = std::min(kept.until, now + options_.open_for_max);
  open_for_ = std::clamp(kept.open_for, options_.open_for, options_.open_for_max);
  return transition;
}

void CircuitBreaker::set_options(const BreakerOptions& options) {
  TOCSIN_ASSERT(options.check(), "breaker options were not checked");
  const bool same_shape =
      options.window == options_.window && options.window_calls == options_.window_calls;
  if (!same_shape) window_ = CallWindow(options.window_calls, options.window);
  open_for_ = std::clamp(open_for_, options.open_for, options.open_for_max);
  options_ = options;
}

}  // namespace tocsin::policy
