#include "gateway/delivery/settle.h"

#include <algorithm>
#include <array>

#include "gateway/base/assert.h"
#include "gateway/base/text.h"
#include "gateway/base/units.h"

namespace tocsin::delivery {

using message::DeliveryState;
using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;

namespace {

Settlement make(DeliveryState state, std::uint32_t attempts, std::string_view reason,
                Duration wait = Duration::zero()) {
  return {state, attempts, wait, std::string(cut_text(reason, message::kReasonBytesMax)), {}, {}};
}

// What may have arrived is for people to decide, and what came too late or kills the gateway would
// do so there as well; whatever else one output cannot do, another may.
bool may_fall_back(GiveUpCause cause) {
  switch (cause) {
    case GiveUpCause::kExhausted:
    case GiveUpCause::kRejected:
    case GiveUpCause::kTargetGone:
    case GiveUpCause::kUnauthorized:
    case GiveUpCause::kInternal:
    case GiveUpCause::kBreaker:
    case GiveUpCause::kSuppressed:
      return true;
    case GiveUpCause::kAmbiguous:
    case GiveUpCause::kExpired:
    case GiveUpCause::kCrashed:
    case GiveUpCause::kUnreadable:
    case GiveUpCause::kBounced:
      return false;
  }
  return false;
}

// After an attempt, which counts.
Settlement give_up(GiveUpCause cause, const DeliveryContext& context, std::string_view reason) {
  const bool falls_back = context.has_fallback && may_fall_back(cause);
  Settlement next = make(falls_back ? DeliveryState::kFellBack : DeliveryState::kDead,
                         context.attempts + 1, reason);
  next.cause = cause;
  return next;
}

Settlement try_again(const Verdict& verdict, const DeliveryContext& context,
                     const LanePolicy& policy, std::uint64_t random_bits) {
  const std::uint32_t attempts = context.attempts + 1;
  const auto wait = policy.backoff.wait(attempts, random_bits, verdict.after);
  if (wait) return make(DeliveryState::kReady, attempts, verdict.reason, *wait);
  const std::string what = "gave up after attempt " + std::to_string(attempts);
  return give_up(GiveUpCause::kExhausted, context, because(what, verdict.reason));
}

LaneEffect::Kind closing_of(VerdictScope scope) {
  switch (scope) {
    case VerdictScope::kAddress:
      return LaneEffect::Kind::kCloseAddress;
    case VerdictScope::kOutput:
      return LaneEffect::Kind::kCloseOutput;
    case VerdictScope::kAccount:
      return LaneEffect::Kind::kCloseAccount;
  }
  return LaneEffect::Kind::kCloseOutput;
}

// The receiver asked to slow down, which is no failure: nothing is spent. What waits for a whole
// output keeps its place; others may go ahead of what waits for one address.
Settlement throttle(const Verdict& verdict, const DeliveryContext& context) {
  const Duration asked = names_no_time(verdict) ? context.own_pause : verdict.after;
  const Duration wait = std::min(asked, kThrottleMax);
  const bool address = verdict.scope == VerdictScope::kAddress;
  Settlement next = make(address ? DeliveryState::kReady : DeliveryState::kClaimed,
                         context.attempts, verdict.reason, wait);
  next.effect = {closing_of(verdict.scope), wait};
  return next;
}

Settlement refuse_credentials(const Verdict& verdict, const DeliveryContext& context) {
  if (verdict.scope == VerdictScope::kAddress) {
    Settlement next = give_up(GiveUpCause::kUnauthorized, context,
                              because("unauthorized for this address", verdict.reason));
    next.effect = {LaneEffect::Kind::kCloseAddress, kAddressHold};
    return next;
  }
  Settlement next = make(DeliveryState::kReady, context.attempts,
                         because("unauthorized", verdict.reason), kProbeEvery);
  next.effect = {LaneEffect::Kind::kPauseOutput, kProbeEvery};
  return next;
}

Settlement drop_address(const Verdict& verdict, const DeliveryContext& context) {
  Settlement next =
      give_up(GiveUpCause::kTargetGone, context, because("the target is gone", verdict.reason));
  next.effect.kind = LaneEffect::Kind::kSuppressAddress;
  return next;
}

}  // namespace

std::string_view give_up_cause_name(GiveUpCause cause) {
  constexpr std::array<std::string_view, kGiveUpCauses> kNames = {
      "exhausted", "rejected",        "target_gone", "ambiguous", "unauthorized", "internal",
      "expired",   "crashed_gateway", "unreadable",  "breaker",   "suppressed",   "bounced"};
  return kNames.at(static_cast<std::size_t>(cause));
}

bool may_pass(GiveUpCause cause) {
  return cause == GiveUpCause::kExhausted || cause == GiveUpCause::kInternal;
}

bool bars_address(GiveUpCause cause) {
  return cause == GiveUpCause::kTargetGone || cause == GiveUpCause::kSuppressed;
}

Settlement decide(const Verdict& verdict, const DeliveryContext& context, const LanePolicy& policy,
                  std::uint64_t random_bits) {
  switch (verdict.kind) {
    case VerdictKind::kDelivered:
      return make(DeliveryState::kDelivered, context.attempts + 1, verdict.reason);
    case VerdictKind::kRetry:
      return try_again(verdict, context, policy, random_bits);
    case VerdictKind::kThrottled:
      return throttle(verdict, context);
    case VerdictKind::kRejected:
      return give_up(GiveUpCause::kRejected, context, because("rejected", verdict.reason));
    case VerdictKind::kTargetGone:
      return drop_address(verdict, context);
    case VerdictKind::kAmbiguous:
      if (!needs_mark(context.idempotent, policy)) {
        return try_again(verdict, context, policy, random_bits);
      }
      return give_up(GiveUpCause::kAmbiguous, context, because("ambiguous", verdict.reason));
    case VerdictKind::kUnauthorized:
      return refuse_credentials(verdict, context);
    case VerdictKind::kInternal:
      if (context.attempts + 1 < kInternalAttemptsMax) {
        return try_again(verdict, context, policy, random_bits);
      }
      return give_up(GiveUpCause::kInternal, context,
                     because("fault of the output", verdict.reason));
  }
  TOCSIN_ASSERT(false, "a verdict of no kind");
}

Verdict cut_short(std::string_view why, bool idempotent, const LanePolicy& policy) {
  Verdict verdict;
  verdict.kind = needs_mark(idempotent, policy) ? VerdictKind::kAmbiguous : VerdictKind::kRetry;
  verdict.reason = why;
  return verdict;
}

bool names_no_time(const Verdict& verdict) {
  return verdict.kind == VerdictKind::kThrottled && verdict.after <= Duration::zero();
}

bool needs_mark(bool idempotent, const LanePolicy& policy) {
  return !idempotent && policy.on_ambiguous == OnAmbiguous::kHold;
}

// Neither a receiver that is down, nor one that is busy, nor a fault of our own says that the
// credentials were looked at.
bool proves_credentials(const Verdict& verdict) {
  switch (verdict.kind) {
    case VerdictKind::kDelivered:
    case VerdictKind::kRejected:
    case VerdictKind::kTargetGone:
      return true;
    case VerdictKind::kUnauthorized:
      return verdict.scope == VerdictScope::kAddress;
    default:
      return false;
  }
}

Settlement expire(std::uint32_t attempts) {
  return bury(attempts, GiveUpCause::kExpired, "expired");
}

Settlement bury(std::uint32_t attempts, GiveUpCause cause, std::string_view reason) {
  Settlement next = make(DeliveryState::kDead, attempts, reason);
  next.cause = cause;
  return next;
}

Settlement withhold(std::uint32_t attempts, std::string_view why, bool has_fallback) {
  Settlement next = bury(attempts, GiveUpCause::kSuppressed, because("suppressed", why));
  if (has_fallback) next.state = DeliveryState::kFellBack;
  return next;
}

Settlement fall_back(std::uint32_t attempts, Duration unclosed) {
  Settlement next = make(DeliveryState::kFellBack, attempts,
                         "the breaker was not closed for " + format_duration(unclosed));
  next.cause = GiveUpCause::kBreaker;
  return next;
}

Settlement cancel(std::uint32_t attempts) { return make(DeliveryState::kCancelled, attempts, {}); }

Settlement release(std::uint32_t attempts, Duration wait) {
  return make(DeliveryState::kReady, attempts, {}, wait);
}

std::string because(std::string_view what, std::string_view why) {
  std::string text(what);
  if (!why.empty()) text.append(": ").append(why);
  return text;
}

std::string_view cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace tocsin::delivery
