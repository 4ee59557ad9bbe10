#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"

namespace tocsin::message {

/// What one attempt came to. An output says it, settle alone decides what follows.
enum class VerdictKind : std::uint8_t {
  kDelivered,     ///< reached the provider; `provider_id` when it gave one
  kRetry,         ///< may work later: backoff, or `after`
  kThrottled,     ///< the provider asked to slow down: `scope` is closed for `after`
  kRejected,      ///< will never work: dead letter
  kTargetGone,    ///< the address is no more: dead letter, address suppressed
  kAmbiguous,     ///< it may have been delivered
  kUnauthorized,  ///< credentials refused, for the address or the account
  kInternal,      ///< the output's own fault
};

enum class VerdictScope : std::uint8_t { kAddress, kOutput, kAccount };

inline constexpr std::size_t kReasonBytesMax = 512;
inline constexpr std::size_t kProviderIdBytesMax = 256;

struct Verdict {
  VerdictKind kind = VerdictKind::kInternal;
  VerdictScope scope = VerdictScope::kOutput;
  Duration after = Duration::zero();  ///< kRetry, kThrottled: what the receiver asked for; 0: none
  std::string reason;       ///< why, in a sentence; empty for kDelivered. Cut to kReasonBytesMax
  std::string provider_id;  ///< cut to kProviderIdBytesMax
};

/// "delivered", "retry", "throttled", "rejected", "target_gone", "ambiguous", "unauthorized",
/// "internal".
std::string_view verdict_name(VerdictKind kind);

}  // namespace tocsin::message
