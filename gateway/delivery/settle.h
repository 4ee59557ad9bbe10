#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/delivery/lane_policy.h"
#include "gateway/message/delivery.h"
#include "gateway/message/verdict.h"

// The one place that turns what an attempt came to into what follows.

namespace tocsin::delivery {

/// What is known about a delivery when its attempt ends.
struct DeliveryContext {
  std::uint32_t attempts = 0;  ///< that count, before this one
  bool idempotent = false;     ///< the output's provider drops a repeated delivery id
  bool has_fallback = false;   ///< another output takes what this one gives up
  /// A throttle that names no time: how long its scope is left alone.
  Duration own_pause = Duration::zero();
};

/// Why a delivery was given up, as metrics count it.
enum class GiveUpCause : std::uint8_t {
  kExhausted,  ///< its attempts are used up
  kRejected,
  kTargetGone,
  kAmbiguous,     ///< it may have arrived
  kUnauthorized,  ///< for its address
  kInternal,      ///< faults of the output itself, more than are retried
  kExpired,
  kCrashed,  ///< it was there in too many crashes
  kUnreadable,
  kBreaker,     ///< its output's breaker was not closed for too long
  kSuppressed,  ///< nothing is sent to its address
  kBounced,     ///< its provider said so after it had taken it
};
inline constexpr std::size_t kGiveUpCauses = 12;
/// "exhausted", "rejected", "target_gone", "ambiguous", "unauthorized", "internal", "expired",
/// "crashed_gateway", "unreadable", "breaker", "suppressed", "bounced".
std::string_view give_up_cause_name(GiveUpCause cause);
/// Whether that may be otherwise later, so that the clock may send the dead letter again.
bool may_pass(GiveUpCause cause);
/// Whether nothing may be sent to its address any more, through whatever output.
bool bars_address(GiveUpCause cause);

/// What a verdict says about more than its own delivery; the lane carries it out.
struct LaneEffect {
  enum class Kind : std::uint8_t {
    kNone,
    kCloseAddress,     ///< nothing goes to this address for `wait`
    kCloseOutput,      ///< no attempt is begun for `wait`
    kCloseAccount,     ///< nor by any output of its account
    kPauseOutput,      ///< no attempt is begun but one probe each `wait`, until one is authorized
    kSuppressAddress,  ///< the address is no more
  };
  Kind kind = Kind::kNone;
  Duration wait = Duration::zero();
};

/// The next state of a delivery.
struct Settlement {
  /// kClaimed: it stays with its lane, in its place, and waits for the lane's gate. kFellBack: the
  /// fallback gets a delivery of its own.
  message::DeliveryState state = message::DeliveryState::kDelivered;
  std::uint32_t attempts = 0;        ///< that count from now on
  Duration wait = Duration::zero();  ///< kReady, kClaimed: until the next
  std::string reason;                ///< at most message::kReasonBytesMax
  LaneEffect effect;
  GiveUpCause cause = GiveUpCause::kExhausted;  ///< kDead, kFellBack
};

/// Waits that no setting governs yet.
inline constexpr Duration kThrottleMax = std::chrono::hours(1);
inline constexpr Duration kProbeEvery = std::chrono::minutes(1);
inline constexpr Duration kAddressHold = std::chrono::hours(1);
/// How long an address stays suppressed whose provider said that it is gone.
inline constexpr Duration kSuppressFor = std::chrono::days(90);
/// An output's own faults are retried while fewer attempts than this were spent.
inline constexpr std::uint32_t kInternalAttemptsMax = 3;
/// A delivery that was inside the output so many times when the process died is not tried again.
inline constexpr std::uint32_t kCrashesMax = 3;

/// `random_bits` are 64 uniform bits, for the jitter.
Settlement decide(const message::Verdict& verdict, const DeliveryContext& context,
                  const LanePolicy& policy, std::uint64_t random_bits);

/// What an attempt that ran into its deadline, or into the gateway's end, came to: it may have
/// reached its target, which matters where a repetition would be heard.
message::Verdict cut_short(std::string_view why, bool idempotent, const LanePolicy& policy);
/// A throttle whose receiver does not say for how long.
bool names_no_time(const message::Verdict& verdict);
/// Whether a verdict shows that the output's credentials are good, which ends a pause.
bool proves_credentials(const message::Verdict& verdict);
/// Whether an attempt is marked in the store before it begins, so that a crash does not repeat it.
bool needs_mark(bool idempotent, const LanePolicy& policy);

/// Ends without a verdict. `attempts` stay as they are.
Settlement expire(std::uint32_t attempts);
Settlement bury(std::uint32_t attempts, GiveUpCause cause, std::string_view reason);
/// Nothing may be sent to its address; a fallback reaches somebody by another one.
Settlement withhold(std::uint32_t attempts, std::string_view why, bool has_fallback);
/// The output has been out of reach for `unclosed`; its fallback takes over.
Settlement fall_back(std::uint32_t attempts, Duration unclosed);
Settlement cancel(std::uint32_t attempts);
Settlement release(std::uint32_t attempts, Duration wait = Duration::zero());

/// "what: why", or what alone.
std::string because(std::string_view what, std::string_view why);

/// At most `bytes_max` bytes, cut before a character that does not fit.
std::string_view cut_text(std::string_view text, std::size_t bytes_max);

}  // namespace tocsin::delivery
