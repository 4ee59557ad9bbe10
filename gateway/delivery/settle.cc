#include "gateway/delivery/settle.h"

#include <algorithm>

#include "gateway/base/assert.h"
#include "gateway/base/text.h"

namespace tocsin::delivery {

using message::DeliveryState;
using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;

namespace {

Settlement make(DeliveryState state, std::uint32_t attempts, std::string_view reason,
                Duration wait = Duration::zero()) {
  return {state, attempts, wait, std::string(cut_text(reason, message::kReasonBytesMax)), {}};
}

Settlement die_for_now(std::uint32_t attempts, std::string_view reason) {
  Settlement next = make(DeliveryState::kDead, attempts, reason);
  next.may_pass = true;
  return next;
}

Settlement try_again(const Verdict& verdict, std::uint32_t attempts, const LanePolicy& policy,
                     std::uint64_t random_bits) {
  const auto wait = policy.backoff.wait(attempts, random_bits, verdict.after);
  if (wait) return make(DeliveryState::kReady, attempts, verdict.reason, *wait);
  const std::string what = "gave up after attempt " + std::to_string(attempts);
  return die_for_now(attempts, because(what, verdict.reason));
}

// The receiver asked to slow down, which is no failure: nothing is spent. What waits for a whole
// output keeps its place; others may go ahead of what waits for one address.
Settlement throttle(const Verdict& verdict, const DeliveryContext& context) {
  const Duration asked = verdict.after > Duration::zero() ? verdict.after : kThrottleDefault;
  const Duration wait = std::min(asked, kThrottleMax);
  const bool address = verdict.scope == VerdictScope::kAddress;
  Settlement next = make(address ? DeliveryState::kReady : DeliveryState::kClaimed,
                         context.attempts, verdict.reason, wait);
  // An account's outputs share no gate yet; each closes by itself.
  next.effect.kind = address ? LaneEffect::Kind::kCloseAddress : LaneEffect::Kind::kCloseOutput;
  next.effect.wait = wait;
  return next;
}

Settlement refuse_credentials(const Verdict& verdict, const DeliveryContext& context) {
  if (verdict.scope == VerdictScope::kAddress) {
    Settlement next = make(DeliveryState::kDead, context.attempts + 1,
                           because("unauthorized for this address", verdict.reason));
    next.effect = {LaneEffect::Kind::kCloseAddress, kAddressHold};
    return next;
  }
  Settlement next = make(DeliveryState::kReady, context.attempts,
                         because("unauthorized", verdict.reason), kProbeEvery);
  next.effect = {LaneEffect::Kind::kPauseOutput, kProbeEvery};
  return next;
}

}  // namespace

Settlement decide(const Verdict& verdict, const DeliveryContext& context, const LanePolicy& policy,
                  std::uint64_t random_bits) {
  const std::uint32_t attempts = context.attempts + 1;
  switch (verdict.kind) {
    case VerdictKind::kDelivered:
      return make(DeliveryState::kDelivered, attempts, {});
    case VerdictKind::kRetry:
      return try_again(verdict, attempts, policy, random_bits);
    case VerdictKind::kThrottled:
      return throttle(verdict, context);
    case VerdictKind::kRejected:
      return make(DeliveryState::kDead, attempts, because("rejected", verdict.reason));
    case VerdictKind::kTargetGone: {
      Settlement next =
          make(DeliveryState::kDead, attempts, because("the target is gone", verdict.reason));
      next.effect.kind = LaneEffect::Kind::kSuppressAddress;
      return next;
    }
    case VerdictKind::kAmbiguous:
      if (!needs_mark(context.idempotent, policy)) {
        return try_again(verdict, attempts, policy, random_bits);
      }
      return make(DeliveryState::kDead, attempts, because("ambiguous", verdict.reason));
    case VerdictKind::kUnauthorized:
      return refuse_credentials(verdict, context);
    case VerdictKind::kInternal:
      if (attempts < kInternalAttemptsMax) {
        return try_again(verdict, attempts, policy, random_bits);
      }
      return die_for_now(attempts, because("fault of the output", verdict.reason));
  }
  TOCSIN_ASSERT(false, "a verdict of no kind");
}

Verdict cut_short(std::string_view why, bool idempotent, const LanePolicy& policy) {
  Verdict verdict;
  verdict.kind = needs_mark(idempotent, policy) ? VerdictKind::kAmbiguous : VerdictKind::kRetry;
  verdict.reason = why;
  return verdict;
}

bool needs_mark(bool idempotent, const LanePolicy& policy) {
  return !idempotent && policy.on_ambiguous == OnAmbiguous::kHold;
}

Settlement expire(std::uint32_t attempts) {
  return make(DeliveryState::kDead, attempts, "expired");
}

Settlement bury(std::uint32_t attempts, std::string_view reason) {
  return make(DeliveryState::kDead, attempts, reason);
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
