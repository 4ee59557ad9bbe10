#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gateway/base/clock.h"
#include "gateway/base/option.h"
#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/delivery/dead_letter_policy.h"
#include "gateway/policy/backoff.h"
#include "gateway/policy/circuit_breaker.h"
#include "gateway/policy/concurrency_limit.h"
#include "gateway/policy/gcra.h"
#include "gateway/policy/retry_budget.h"

namespace tocsin::delivery {

/// What becomes of a delivery that may have reached its target.
enum class OnAmbiguous : std::uint8_t {
  kHold,    ///< a dead letter, for people to decide
  kResend,  ///< tried again; the target may hear it twice
};

/// Who gets what an output gives up.
struct LaneFallback {
  std::string output;               ///< empty: nobody
  std::optional<Duration> after{};  ///< also what waits, once the breaker is not closed for so long
  std::string address_kind{};       ///< what that output takes, as its traits say
  bool has_own_address = true;
  /// That output's own: who gets what it could send to nobody. Never leads back. Null: nobody.
  std::shared_ptr<const LaneFallback> next{};
};

/// What is wrong with settings that each pass their own bounds.
struct LanePolicyFault {
  Place place;      ///< of no file: a default's, so nothing there to point at
  std::string key;  ///< below `delivery`, as "breaker.window_calls"
  std::string what;
};

/// How an output is delivered to: its settings under `delivery:`. Immutable.
struct LanePolicy {
  static constexpr std::uint32_t kConcurrencyMax = 1000;
  /// A rate is spaced evenly but for what is due within this: timers are no finer.
  static constexpr Duration kBurstSpan = std::chrono::milliseconds(10);

  policy::Backoff backoff;
  Duration timeout = std::chrono::seconds(10);     ///< of one attempt
  std::uint32_t concurrency = 32;                  ///< attempts at a time; adaptive: at most
  std::optional<std::uint32_t> concurrency_min{};  ///< adaptive: at least
  std::optional<policy::RateLimit> rate{};
  std::optional<policy::RateLimit> rate_per_address{};
  std::optional<policy::RetryBudgetOptions> retry_budget =
      policy::RetryBudgetOptions{.share = 0.5, .retries_min = 100};
  std::optional<policy::BreakerOptions> breaker = policy::BreakerOptions{};
  std::optional<Duration> expires_after{};  ///< counts from accepting
  LaneFallback fallback{};
  OnAmbiguous on_ambiguous = OnAmbiguous::kHold;
  bool ordered = false;             ///< deliveries of one key one after the other
  DeadLetterPolicy dead_letters{};  ///< the gateway's, the same for all outputs

  /// From what delivery_options() accepted.
  static tl::expected<LanePolicy, LanePolicyFault> make(const Value& settings);
  /// All defaults.
  static LanePolicy standard();

  /// The options of its machines, those that stand still included.
  policy::ConcurrencyOptions concurrency_options() const;
  policy::RetryBudgetOptions retry_budget_options() const;
  policy::BreakerOptions breaker_options() const;
};

/// The keys under `delivery:` of an output.
const OptionTable& delivery_options();

}  // namespace tocsin::delivery
