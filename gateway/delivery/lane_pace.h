#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/delivery/account_gate.h"
#include "gateway/delivery/lane_gate.h"
#include "gateway/delivery/lane_policy.h"
#include "gateway/delivery/pace_state.h"
#include "gateway/message/verdict.h"
#include "gateway/policy/circuit_breaker.h"
#include "gateway/policy/concurrency_limit.h"
#include "gateway/policy/retry_budget.h"
#include "gateway/policy/throttle_steps.h"
#include "gateway/policy/token_bucket.h"

namespace tocsin::delivery {

/// What an output's next attempt waits for.
enum class LaneWait : std::uint8_t {
  kNothing,
  kHalted,        ///< by an operator, until the contrary is said
  kQuarantine,    ///< it was found after crashes
  kUnauthorized,  ///< its credentials were refused; one probe now and then
  kThrottled,     ///< its receiver asked for a pause
  kAccount,       ///< the receiver of another output of its account did
  kBreaker,       ///< open, or its probes are under way
  kRate,
  kConcurrency,
};
inline constexpr std::size_t kLaneWaits = 9;
/// "nothing", "operator", "quarantine", "unauthorized", "throttled", "account", "breaker", "rate",
/// "concurrency".
std::string_view lane_wait_name(LaneWait wait);

/// What an operator wants of a breaker.
enum class BreakerOrder : std::uint8_t { kOpen, kClosed, kAuto };

/// When an output may be called: every machine that has a say, and the one answer they come to.
/// Outlives configurations with all its state. Time is an argument; one loop's.
///
///   look() -> kNothing -> begin() ---> end() or abandon(), once for each begin()
///          -> else: who refuses longest, and until when
class LanePace {
 public:
  using BreakerTransition = policy::CircuitBreaker::Transition;
  /// What a retry beyond the budget waits at most before it asks again.
  static constexpr Duration kRetryWaitMax = std::chrono::minutes(1);

  /// `on_breaker` is called inside the verbs.
  LanePace(const LanePolicy& policy, Function<void(const BreakerTransition&)> on_breaker);

  /// New settings; every machine keeps its state.
  void set_policy(const LanePolicy& policy);
  /// Null: the output has no account.
  void set_account(std::shared_ptr<AccountGate> account) { account_ = std::move(account); }
  bool has_account() const { return account_ != nullptr; }

  struct Look {
    LaneWait wait = LaneWait::kNothing;
    MonoTime until = MonoTime::min();  ///< look again then; max(): when an attempt ends, or never
    bool breaker_refuses = false;      ///< whoever else does, but an operator
  };
  /// Whether an attempt may begin. Takes nothing.
  Look look(MonoTime now) const;

  /// Zero: a retry may begin. Else it asks again after so long; each call gives another instant.
  Duration retry_wait(MonoTime now);

  /// What an attempt holds from begin() to its end.
  struct Permit {
    policy::CircuitBreaker::Permit breaker;
    bool is_retry = false;
  };
  /// An attempt begins; look() has just said that it may.
  Permit begin(MonoTime now, bool is_retry);
  void end(const Permit& permit, MonoTime now, message::VerdictKind verdict, Duration took);
  /// It never began, or was cut for reasons of our own.
  void abandon(const Permit& permit, MonoTime now);

  /// An attempt that began at `begun` was throttled, in a scope that is no address's, and nobody
  /// said for how long: the pause, which the caller closes it for.
  Duration on_throttled(message::VerdictScope scope, MonoTime begun, MonoTime now,
                        std::uint64_t random_bits);
  /// Whether it, or its account, asked so since something was served.
  bool stepped() const;

  LaneGate& gate() { return gate_; }
  const LaneGate& gate() const { return gate_; }
  /// Closes what the output shares with others of its account, or itself without one.
  void close_account(MonoTime until);

  policy::BreakerState force(BreakerOrder order, MonoTime now);
  policy::BreakerState breaker_state() const { return breaker_.state(); }
  /// Since when it has not been closed; nothing while it is.
  std::optional<MonoTime> unclosed_since() const { return unclosed_since_; }

  /// What the process after this one must know of it.
  PaceState state(MonoTime now, WallTime wall) const;
  /// Goes on so; no attempt was begun yet. The account's part once set_account() has named that
  /// account. `but_breaker`: that one was told otherwise meanwhile.
  void restore(const PaceState& state, MonoTime now, WallTime wall, bool but_breaker = false);
  /// Only what its receivers asked for, of a state that came late.
  void restore_gates(const PaceState& state, MonoTime now, WallTime wall);

  std::uint32_t in_flight() const { return concurrency_.in_flight(); }
  /// Attempts at a time, as of now.
  std::uint32_t concurrency() const { return concurrency_.limit(); }

 private:
  void on_transition(const std::optional<BreakerTransition>& transition, MonoTime now);

  LaneGate gate_;
  policy::ThrottleSteps throttles_;
  std::shared_ptr<AccountGate> account_;
  policy::CircuitBreaker breaker_;
  std::optional<policy::TokenBucket> rate_;
  policy::ConcurrencyLimit concurrency_;
  policy::RetryBudget budget_;
  std::optional<MonoTime> unclosed_since_;
  MonoTime next_retry_ = MonoTime::min();  // behind all that retry_wait() gave
  Function<void(const BreakerTransition&)> on_breaker_;
};

}  // namespace tocsin::delivery
