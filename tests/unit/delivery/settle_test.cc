#include "gateway/delivery/settle.h"

#include <gtest/gtest.h>

#include <optional>
#include <tuple>

namespace tocsin::delivery {
namespace {

using message::DeliveryState;
using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Effect = LaneEffect::Kind;

// Three attempts, 10 s and 20 s apart (the longest wait, since the random bits ask for that).
LanePolicy three_attempts(OnAmbiguous on_ambiguous) {
  LanePolicy policy{
      .backoff = policy::Backoff::make(
                     {.max_attempts = 3, .initial = seconds(10), .jitter = policy::Jitter::kNone})
                     .value()};
  policy.on_ambiguous = on_ambiguous;
  return policy;
}

struct Expected {
  DeliveryState state;
  std::uint32_t attempts;
  Duration wait = Duration::zero();
  Effect effect = Effect::kNone;
  Duration effect_wait = Duration::zero();
  std::optional<GiveUpCause> cause{};
};

// The verdict table of the contract, for every kind and scope, with and without idempotency,
// on_ambiguous, a fallback and attempts left. `before`: attempts that counted before this one.
struct Situation {
  bool idempotent;
  bool has_fallback;
  OnAmbiguous on_ambiguous;
  std::uint32_t before;
};

Expected given_up(GiveUpCause cause, const Situation& at, Effect effect = Effect::kNone,
                  Duration effect_wait = Duration::zero()) {
  const bool falls_back = at.has_fallback && cause != GiveUpCause::kAmbiguous;
  return {falls_back ? DeliveryState::kFellBack : DeliveryState::kDead,
          at.before + 1,
          {},
          effect,
          effect_wait,
          cause};
}

constexpr Duration kOwnPause = seconds(7);

Expected throttled(VerdictScope scope, const Situation& at) {
  constexpr Effect kEffects[] = {Effect::kCloseAddress, Effect::kCloseOutput,
                                 Effect::kCloseAccount};
  const bool address = scope == VerdictScope::kAddress;
  return {address ? DeliveryState::kReady : DeliveryState::kClaimed, at.before, kOwnPause,
          kEffects[static_cast<int>(scope)], kOwnPause};
}

Expected expected(VerdictKind kind, VerdictScope scope, const Situation& at) {
  const std::uint32_t now = at.before + 1;
  const auto again = [&](GiveUpCause cause) {
    return now < 3 ? Expected{DeliveryState::kReady, now, seconds(10) * now} : given_up(cause, at);
  };
  switch (kind) {
    case VerdictKind::kDelivered:
      return {DeliveryState::kDelivered, now};
    case VerdictKind::kRetry:
      return again(GiveUpCause::kExhausted);
    case VerdictKind::kThrottled:
      return throttled(scope, at);
    case VerdictKind::kRejected:
      return given_up(GiveUpCause::kRejected, at);
    case VerdictKind::kTargetGone:
      return given_up(GiveUpCause::kTargetGone, at, Effect::kSuppressAddress);
    case VerdictKind::kAmbiguous:
      if (at.idempotent || at.on_ambiguous == OnAmbiguous::kResend) {
        return again(GiveUpCause::kExhausted);
      }
      return given_up(GiveUpCause::kAmbiguous, at);
    case VerdictKind::kUnauthorized:
      if (scope == VerdictScope::kAddress) {
        return given_up(GiveUpCause::kUnauthorized, at, Effect::kCloseAddress, hours(1));
      }
      return {DeliveryState::kReady, at.before, minutes(1), Effect::kPauseOutput, minutes(1)};
    case VerdictKind::kInternal:
      return again(GiveUpCause::kInternal);  // its own bound is three attempts as well
  }
  return {};
}

using Case = std::tuple<int, VerdictScope, bool, OnAmbiguous, std::uint32_t, bool>;
class VerdictTable : public ::testing::TestWithParam<Case> {};

TEST_P(VerdictTable, Holds) {
  const auto& [number, scope, idempotent, on_ambiguous, before, has_fallback] = GetParam();
  const auto kind = static_cast<VerdictKind>(number);
  const Verdict verdict{.kind = kind, .scope = scope, .reason = "why"};
  const Settlement next = decide(verdict, {before, idempotent, has_fallback, kOwnPause},
                                 three_attempts(on_ambiguous), 0);
  const Expected want = expected(kind, scope, {idempotent, has_fallback, on_ambiguous, before});
  EXPECT_EQ(next.state, want.state);
  EXPECT_EQ(next.attempts, want.attempts);
  EXPECT_EQ(next.wait, want.wait);
  EXPECT_EQ(next.effect.kind, want.effect);
  EXPECT_EQ(next.effect.wait, want.effect_wait);
  if (next.state == DeliveryState::kDead || next.state == DeliveryState::kFellBack) {
    EXPECT_NE(next.reason.find("why"), std::string::npos);
    EXPECT_EQ(next.cause, want.cause);
  }
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  const auto& [number, scope, idempotent, on_ambiguous, before, has_fallback] = info.param;
  constexpr const char* kScopes[] = {"Address", "Output", "Account"};
  std::string name(message::verdict_name(static_cast<VerdictKind>(number)));
  name += kScopes[static_cast<int>(scope)];
  name += idempotent ? "Idempotent" : "Plain";
  name += on_ambiguous == OnAmbiguous::kHold ? "Hold" : "Resend";
  if (has_fallback) name += "Fallback";
  return name + std::to_string(before);
}

INSTANTIATE_TEST_SUITE_P(
    Every, VerdictTable,
    ::testing::Combine(::testing::Range(0, 8),
                       ::testing::Values(VerdictScope::kAddress, VerdictScope::kOutput,
                                         VerdictScope::kAccount),
                       ::testing::Bool(),
                       ::testing::Values(OnAmbiguous::kHold, OnAmbiguous::kResend),
                       ::testing::Values(0U, 1U, 2U, 3U), ::testing::Bool()),
    case_name);

TEST(Settle, WaitsAsLongAsTheReceiverAsks) {
  const LanePolicy policy = three_attempts(OnAmbiguous::kHold);
  const Verdict later{.kind = VerdictKind::kRetry, .after = minutes(7)};
  EXPECT_EQ(decide(later, {}, policy, 0).wait, minutes(7));
  const Verdict slower{.kind = VerdictKind::kThrottled, .after = minutes(7)};
  EXPECT_EQ(decide(slower, {}, policy, 0).effect.wait, minutes(7));
  const Verdict for_ever{.kind = VerdictKind::kThrottled, .after = hours(1000)};
  EXPECT_EQ(decide(for_ever, {}, policy, 0).wait, kThrottleMax);
}

TEST(Settle, BoundsAnOutputsOwnFaultsBelowTheAttempts) {
  LanePolicy policy = LanePolicy::standard();
  const Verdict fault{.kind = VerdictKind::kInternal};
  EXPECT_EQ(decide(fault, {1, true}, policy, 0).state, DeliveryState::kReady);
  EXPECT_EQ(decide(fault, {2, true}, policy, 0).state, DeliveryState::kDead);
}

TEST(Settle, KeepsWhatAnOutputSaysOfADeliveryItMade) {
  Verdict verdict;
  verdict.kind = VerdictKind::kDelivered;
  verdict.reason = "2 segments of UCS-2";
  EXPECT_EQ(decide(verdict, {}, three_attempts(OnAmbiguous::kHold), 0).reason, verdict.reason);
}

TEST(Settle, CutsReasonsAtACharacter) {
  std::string long_reason(message::kReasonBytesMax - 15, 'x');
  while (long_reason.size() < message::kReasonBytesMax + 2) long_reason += "\u00e4";
  const Verdict verdict{.kind = VerdictKind::kRejected, .reason = long_reason};
  const std::string reason = decide(verdict, {}, LanePolicy::standard(), 0).reason;
  EXPECT_LE(reason.size(), message::kReasonBytesMax);
  EXPECT_GE(reason.size(), message::kReasonBytesMax - 1);
  EXPECT_EQ(static_cast<unsigned char>(reason.back()) & 0xC0, 0x80);
}

TEST(Settle, OnlyVerdictsThatLookedAtTheCredentialsEndAPause) {
  const auto proves = [](VerdictKind kind, VerdictScope scope = VerdictScope::kOutput) {
    return proves_credentials({.kind = kind, .scope = scope});
  };
  EXPECT_TRUE(proves(VerdictKind::kDelivered));
  EXPECT_TRUE(proves(VerdictKind::kRejected));
  EXPECT_TRUE(proves(VerdictKind::kTargetGone));
  EXPECT_TRUE(proves(VerdictKind::kUnauthorized, VerdictScope::kAddress));
  EXPECT_FALSE(proves(VerdictKind::kUnauthorized, VerdictScope::kAccount));
  EXPECT_FALSE(proves(VerdictKind::kRetry));
  EXPECT_FALSE(proves(VerdictKind::kThrottled));
  EXPECT_FALSE(proves(VerdictKind::kAmbiguous));
  EXPECT_FALSE(proves(VerdictKind::kInternal));
}

TEST(Settle, WhatTheLaneEndsItselfNamesItsCause) {
  EXPECT_EQ(expire(3).cause, GiveUpCause::kExpired);
  EXPECT_EQ(bury(3, GiveUpCause::kCrashed, "crashed_gateway").cause, GiveUpCause::kCrashed);
  const Settlement next = fall_back(3, minutes(10));
  EXPECT_EQ(next.state, DeliveryState::kFellBack);
  EXPECT_EQ(next.attempts, 3U);
  EXPECT_EQ(next.reason, "the breaker was not closed for 10m");
}

TEST(Settle, ASettlementWithoutVerdictSpendsNothing) {
  EXPECT_EQ(expire(3).attempts, 3U);
  EXPECT_EQ(expire(3).state, DeliveryState::kDead);
  EXPECT_EQ(release(3, seconds(5)).wait, seconds(5));
  EXPECT_EQ(release(3).state, DeliveryState::kReady);
  EXPECT_EQ(cancel(3).state, DeliveryState::kCancelled);
}

}  // namespace
}  // namespace tocsin::delivery
