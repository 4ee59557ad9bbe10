#include "gateway/delivery/give_up_reason.h"

#include <gtest/gtest.h>

namespace tocsin::delivery {
namespace {

using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;

std::optional<GiveUpCause> cause_after(VerdictKind kind, std::uint32_t attempts,
                                       bool idempotent = false) {
  Verdict verdict;
  verdict.kind = kind;
  verdict.scope = VerdictScope::kAddress;
  verdict.reason = "HTTP 500";
  const Settlement settled =
      decide(verdict, {attempts, idempotent, false}, LanePolicy::standard(), 0);
  EXPECT_EQ(settled.state, message::DeliveryState::kDead);
  EXPECT_EQ(cause_of_reason(settled.reason), settled.cause) << settled.reason;
  return cause_of_reason(settled.reason);
}

TEST(GiveUpReason, IsReadBackFromWhatSettleWrites) {
  EXPECT_EQ(cause_after(VerdictKind::kRetry, 1000), GiveUpCause::kExhausted);
  EXPECT_EQ(cause_after(VerdictKind::kAmbiguous, 1000, true), GiveUpCause::kExhausted);
  EXPECT_EQ(cause_after(VerdictKind::kRejected, 0), GiveUpCause::kRejected);
  EXPECT_EQ(cause_after(VerdictKind::kTargetGone, 0), GiveUpCause::kTargetGone);
  EXPECT_EQ(cause_after(VerdictKind::kAmbiguous, 0), GiveUpCause::kAmbiguous);
  EXPECT_EQ(cause_after(VerdictKind::kUnauthorized, 0), GiveUpCause::kUnauthorized);
  EXPECT_EQ(cause_after(VerdictKind::kInternal, kInternalAttemptsMax), GiveUpCause::kInternal);
  EXPECT_EQ(cause_of_reason(expire(1).reason), GiveUpCause::kExpired);
  EXPECT_EQ(cause_of_reason(fall_back(1, std::chrono::minutes(5)).reason), GiveUpCause::kBreaker);
}

TEST(GiveUpReason, IsReadFromWhatLanesAndStoresWrite) {
  EXPECT_EQ(cause_of_reason("crashed_gateway"), GiveUpCause::kCrashed);
  EXPECT_EQ(cause_of_reason("cannot be read: /topic: is empty"), GiveUpCause::kUnreadable);
  EXPECT_EQ(cause_of_reason("suppressed: asked to"), GiveUpCause::kSuppressed);
  EXPECT_EQ(cause_of_reason("bounced: no such number"), GiveUpCause::kBounced);
  EXPECT_EQ(cause_of_reason("ambiguous"), GiveUpCause::kAmbiguous);
}

TEST(GiveUpReason, IsNothingForAnUnknownText) {
  EXPECT_EQ(cause_of_reason(""), std::nullopt);
  EXPECT_EQ(cause_of_reason("a later release's"), std::nullopt);
}

TEST(GiveUpReason, HasANameThatIsRead) {
  for (std::size_t i = 0; i < kGiveUpCauses; ++i) {
    const auto cause = static_cast<GiveUpCause>(i);
    EXPECT_EQ(parse_give_up_cause(give_up_cause_name(cause)), cause);
  }
  EXPECT_EQ(parse_give_up_cause("tired"), std::nullopt);
}

}  // namespace
}  // namespace tocsin::delivery
