#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/policy/call_window.h"

namespace tocsin::policy {

enum class BreakerState : std::uint8_t {
  kClosed,        ///< calls pass and are counted
  kOpen,          ///< no call passes until open_for is over
  kHalfOpen,      ///< half_open_calls probes pass; they decide
  kForcedOpen,    ///< by the operator: no call passes until release()
  kForcedClosed,  ///< by the operator: every call passes, nothing is counted
};

/// Stable lower-case names for logs, metrics and the admin API, e.g. "half_open".
std::string_view breaker_state_name(BreakerState state);
/// Whether calls pass, by itself or by order.
constexpr bool is_closed(BreakerState state) {
  return state == BreakerState::kClosed || state == BreakerState::kForcedClosed;
}

struct BreakerOptions {
  static constexpr std::uint32_t kCallsMax = 100'000;

  Duration window = std::chrono::seconds(10);    ///< judged span, unless window_calls is set
  std::uint32_t window_calls = 0;                ///< judge the last so many calls instead
  std::uint32_t min_calls = 20;                  ///< fewer are no evidence
  double failure_rate = 0.5;                     ///< opens at this share of failures; above 1 never
  Duration slow_call = Duration::zero();         ///< a call this long is slow; zero: none is
  double slow_rate = 1.0;                        ///< opens at this share of slow calls
  Duration open_for = std::chrono::seconds(30);  ///< the first time; doubles while probes fail
  Duration open_for_max = std::chrono::minutes(5);  ///< and no further
  std::uint32_t half_open_calls = 3;                ///< probes

  /// Code::kInvalid naming the setting that cannot work, e.g. a count window shorter than
  /// min_calls.
  Result<void> check() const;
};

enum class CallOutcome : std::uint8_t { kSuccess, kFailure };

/// Stops calling a target that fails, and finds out gently when it works again.
///
///              rate reached               open_for over
///   closed ------------------> open -----------------------> half-open
///     ^                          ^   too many probes failed     |  |
///     |                          +------------------------------+  |
///     +------------------------------------------------------------+
///                     the probes were good enough
///
/// Every admitted call ends in record() or abandon(), once. A result that belongs to an earlier era
/// (before the last transition) is ignored: calls started while closed must not judge the probes.
/// Probes that never report do not block for ever: after the current open_for the half-open era
/// starts over with fresh ones. Memory is fixed at construction. Not synchronised: it belongs to
/// one loop, and changes only inside its own verbs, so it needs no timer: ask admit() at `until`.
class CircuitBreaker {
 public:
  struct Transition {
    BreakerState from;
    BreakerState to;
    std::string_view reason;  ///< static text: "failure_rate", "slow_rate", "probe", "forced", ...
    CallCounts counts;        ///< what was seen when it was decided
  };

  /// Proof of admission; hand it back once.
  struct Permit {
    std::uint64_t era = 0;
  };

  struct Admission {
    std::optional<Permit> permit;      ///< nothing: the call must wait
    MonoTime until = MonoTime::min();  ///< when asking again can help; max(): only release() can
    std::optional<Transition> transition;  ///< open -> half-open happens here
  };

  /// `options` must pass check(); asserts.
  explicit CircuitBreaker(const BreakerOptions& options);

  Admission admit(MonoTime now);
  /// When admit() would let a call pass, without asking it: `now` or before, later, or max() while
  /// only release() can help.
  MonoTime admits_at(MonoTime now) const;

  /// The call behind `permit` ended so, after `duration`.
  std::optional<Transition> record(Permit permit, MonoTime now, CallOutcome outcome,
                                   Duration duration);

  /// The call never started or says nothing about the target (cancelled, throttled): its place goes
  /// to the next one.
  void abandon(Permit permit);

  /// Operator's verbs. Forcing the forced state or releasing an unforced breaker changes nothing;
  /// release closes with an empty window.
  std::optional<Transition> force_open(MonoTime now);
  std::optional<Transition> force_closed(MonoTime now);
  std::optional<Transition> release(MonoTime now);

  /// New settings at a reload: the state and its end stay; a window of another shape starts empty.
  void set_options(const BreakerOptions& options);

  /// What another breaker in its place goes on with. What its window has counted is not: it is a
  /// few seconds of evidence, and it comes again.
  struct Kept {
    BreakerState state = BreakerState::kClosed;  ///< never half-open: its probes begin anew
    MonoTime until = MonoTime::min();            ///< of open
    Duration open_for{};                         ///< the next opening's
  };
  Kept kept(MonoTime now) const;
  /// Goes on so, whatever was before: with an empty window, and not open beyond the settings'
  /// open_for_max.
  std::optional<Transition> restore(const Kept& kept, MonoTime now);

  BreakerState state() const { return state_; }
  CallCounts counts(MonoTime now) { return window_.counts(now); }
  /// How long the next opening will last.
  Duration open_for() const { return open_for_; }

 private:
  Transition enter(BreakerState to, MonoTime now, std::string_view reason);
  Transition open(MonoTime now, std::string_view reason);
  std::optional<Transition> judge_window(MonoTime now);
  std::optional<Transition> judge_probes(MonoTime now);
  Admission admit_probe(MonoTime now);
  void start_probing(MonoTime now);

  BreakerOptions options_;
  BreakerState state_ = BreakerState::kClosed;
  std::uint64_t era_ = 1;
  MonoTime until_ = MonoTime::min();  ///< open: ends; half-open: probes are given up
  Duration open_for_;
  CallWindow window_;
  CallCounts probes_;                 ///< reported in this half-open era
  std::uint32_t probes_started_ = 0;  ///< admitted in it and not abandoned
};

}  // namespace tocsin::policy
