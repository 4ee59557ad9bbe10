#pragma once

#include <cstdint>
#include <optional>

#include "gateway/base/clock.h"
#include "gateway/base/option.h"
#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/delivery/dead_letter_policy.h"
#include "gateway/policy/backoff.h"

namespace tocsin::delivery {

/// What becomes of a delivery that may have reached its target.
enum class OnAmbiguous : std::uint8_t {
  kHold,    ///< a dead letter, for people to decide
  kResend,  ///< tried again; the target may hear it twice
};

/// How an output is delivered to: its settings under `delivery:`. Immutable.
struct LanePolicy {
  static constexpr std::uint32_t kConcurrencyMax = 1000;

  policy::Backoff backoff;
  Duration timeout = std::chrono::seconds(10);  ///< of one attempt
  std::uint32_t concurrency = 32;               ///< attempts at a time
  std::optional<Duration> expires_after{};      ///< counts from accepting
  OnAmbiguous on_ambiguous = OnAmbiguous::kHold;
  bool ordered = false;             ///< deliveries of one key one after the other
  DeadLetterPolicy dead_letters{};  ///< the gateway's, the same for all outputs

  /// From what delivery_options() accepted. Code::kInvalid names the setting that cannot work.
  static Result<LanePolicy> make(const Value& settings);
  /// All defaults.
  static LanePolicy standard();
};

/// The keys under `delivery:` of an output.
const OptionTable& delivery_options();

}  // namespace tocsin::delivery
