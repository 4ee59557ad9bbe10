#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/json_writer.h"
#include "gateway/base/value.h"
#include "gateway/policy/circuit_breaker.h"
#include "gateway/policy/throttle_steps.h"

namespace tocsin::delivery {

/// What a lane has learned of its receiver, or was told by an operator, and what the process after
/// this one must know as well. All of it is what was left at one instant of the time of day, so
/// that no process needs another one's clock, and whatever that clock did meanwhile nothing lasts
/// longer than it had left. A value.
///
/// Written as JSON, times in microseconds:
///
///   {"at": "2026-01-31T23:59:59Z", "breaker": "open", "breaker_us": 30000000,
///    "open_for_us": 60000000, "unclosed_us": 5000000, "throttled_us": 7000000,
///    "paused": true, "probe_us": 60000000, "halted": true,
///    "account": "sms/AC12", "account_us": 7000000, "rate_us": 1000000,
///    "throttle_steps": 3, "account_steps": 2, "recovering": true}
///
/// What is zero, empty or false is left out.
struct PaceState {
  /// What lasts no longer is not worth a record.
  static constexpr Duration kWorthKeeping = std::chrono::seconds(1);
  /// What only the receiver can end is believed for so long: a probe asks in any case.
  static constexpr Duration kBelieved = std::chrono::hours(24);
  /// How often a receiver asked for a pause counts for so long after the pause.
  static constexpr Duration kStepsKept = policy::ThrottleSteps::kLongest;

  WallTime at{};
  policy::BreakerState breaker = policy::BreakerState::kClosed;  ///< never half-open
  Duration breaker_left{};                                       ///< of open
  Duration open_for{};                                           ///< the next opening's
  Duration unclosed_for{};  ///< how long it was not closed already
  Duration throttled_left{};
  bool paused = false;    ///< its credentials were refused
  bool halted = false;    ///< an operator lets it begin nothing
  Duration probe_left{};  ///< while paused
  std::string account;    ///< AccountGate::name()
  Duration account_left{};
  Duration rate_spent{};             ///< TokenBucket::spent()
  std::uint32_t throttle_steps = 0;  ///< ThrottleSteps::steps(), of the output
  std::uint32_t account_steps = 0;   ///< and of its account
  bool recovering = false;  ///< its breaker closed, and its dead letters are not all on their way

  /// The operator's word, which stands until it is taken back.
  bool forced() const {
    return halted || breaker == policy::BreakerState::kForcedOpen ||
           breaker == policy::BreakerState::kForcedClosed;
  }
  /// A process after this one should know.
  bool worth_keeping() const;
  /// For how long it should; zero: until it is changed.
  Duration keep() const;
  /// The same at a later instant. A clock that was set back counts as one that stood still.
  PaceState aged(WallTime now) const;
};

void write_pace_state(JsonWriter& json, const PaceState& state);
std::string encode_pace_state(const PaceState& state);
/// As it was written by this or another release; nothing: it cannot be read. What is unknown is
/// left out, what is missing is zero.
std::optional<PaceState> read_pace_state(const Value& document);
std::optional<PaceState> decode_pace_state(std::string_view text);

}  // namespace tocsin::delivery
