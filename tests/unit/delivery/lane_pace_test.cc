#include "gateway/delivery/lane_pace.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tocsin::delivery {
namespace {

using message::VerdictKind;
using policy::BreakerState;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr MonoTime at(Duration since) { return MonoTime(std::chrono::hours(1) + since); }
constexpr MonoTime kStart = at(Duration::zero());

/// Opens after 4 attempts of which half failed; probes twice.
LanePolicy quick_breaker() {
  LanePolicy policy = LanePolicy::standard();
  policy.breaker = policy::BreakerOptions{.window_calls = 4,
                                          .min_calls = 4,
                                          .open_for = seconds(10),
                                          .open_for_max = seconds(30),
                                          .half_open_calls = 2};
  return policy;
}

class LanePaceTest : public ::testing::Test {
 protected:
  void make(const LanePolicy& policy) {
    pace = std::make_unique<LanePace>(
        policy, [this](const LanePace::BreakerTransition& to) { seen.push_back(to.to); });
  }
  LanePace::Permit begin(MonoTime now, bool is_retry = false) {
    EXPECT_EQ(pace->look(now).wait, LaneWait::kNothing);
    return pace->begin(now, is_retry);
  }
  void attempt(MonoTime now, VerdictKind verdict, Duration took = milliseconds(1)) {
    pace->end(begin(now), now, verdict, took);
  }
  LaneWait wait(MonoTime now) { return pace->look(now).wait; }

  std::vector<BreakerState> seen;
  std::unique_ptr<LanePace> pace;
};

TEST_F(LanePaceTest, AnswersWithWhoeverRefusesLongest) {
  LanePolicy policy = quick_breaker();
  policy.rate = policy::RateLimit::make({.count = 1, .period = seconds(20)}, 1).value();
  make(policy);
  auto account = std::make_shared<AccountGate>();
  pace->set_account(account);
  EXPECT_EQ(wait(kStart), LaneWait::kNothing);
  attempt(kStart, VerdictKind::kDelivered);
  EXPECT_EQ(wait(kStart), LaneWait::kRate);
  EXPECT_EQ(pace->look(kStart).until, at(seconds(20)));
  pace->gate().close(at(seconds(30)));
  EXPECT_EQ(wait(kStart), LaneWait::kThrottled);
  pace->gate().pause(at(seconds(40)));
  EXPECT_EQ(wait(kStart), LaneWait::kUnauthorized);
  account->close(at(seconds(50)));
  EXPECT_EQ(wait(kStart), LaneWait::kAccount);
  pace->gate().hold(at(seconds(60)));
  EXPECT_EQ(wait(kStart), LaneWait::kQuarantine);
  EXPECT_FALSE(pace->look(kStart).breaker_refuses);
  pace->force(BreakerOrder::kOpen, kStart);
  EXPECT_EQ(wait(kStart), LaneWait::kBreaker);
  EXPECT_EQ(pace->look(kStart).until, MonoTime::max());
  EXPECT_TRUE(pace->look(kStart).breaker_refuses);
  pace->force(BreakerOrder::kAuto, kStart);
  EXPECT_EQ(wait(at(seconds(59))), LaneWait::kQuarantine);
  EXPECT_EQ(wait(at(seconds(60))), LaneWait::kNothing);
}

TEST_F(LanePaceTest, WaitsForAnAttemptToEndWhenAllRoomIsTaken) {
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = 2;
  make(policy);
  const LanePace::Permit first = begin(kStart);
  const LanePace::Permit second = begin(kStart);
  EXPECT_EQ(wait(kStart), LaneWait::kConcurrency);
  EXPECT_EQ(pace->look(kStart).until, MonoTime::max());
  pace->end(first, kStart, VerdictKind::kRejected, milliseconds(1));
  EXPECT_EQ(wait(kStart), LaneWait::kNothing);
  pace->abandon(second, kStart);
  EXPECT_EQ(pace->in_flight(), 0U);
}

TEST_F(LanePaceTest, OnlyWhatSpeaksOfTheReceiverMovesTheBreaker) {
  make(quick_breaker());
  for (int i = 0; i < 20; ++i) {
    attempt(kStart, VerdictKind::kThrottled);
    attempt(kStart, VerdictKind::kUnauthorized);
    attempt(kStart, VerdictKind::kInternal);
    pace->gate().resume();
  }
  EXPECT_EQ(pace->breaker_state(), BreakerState::kClosed);
  attempt(kStart, VerdictKind::kRejected);
  attempt(kStart, VerdictKind::kTargetGone);
  attempt(kStart, VerdictKind::kRetry);
  EXPECT_EQ(pace->breaker_state(), BreakerState::kClosed);
  attempt(kStart, VerdictKind::kAmbiguous);
  EXPECT_EQ(pace->breaker_state(), BreakerState::kOpen);
}

TEST_F(LanePaceTest, ProbesOpensLongerAndClosesAgain) {
  make(quick_breaker());
  for (int i = 0; i < 4; ++i) attempt(kStart, VerdictKind::kRetry);
  EXPECT_EQ(pace->look(kStart).until, at(seconds(10)));
  EXPECT_EQ(pace->unclosed_since(), kStart);
  const MonoTime first = at(seconds(10));
  attempt(first, VerdictKind::kRetry);
  EXPECT_EQ(pace->look(first).until, first + seconds(20));
  const MonoTime second = first + seconds(20);
  attempt(second, VerdictKind::kRetry);
  EXPECT_EQ(pace->look(second).until, second + seconds(30)) << "the cap";
  const MonoTime third = second + seconds(30);
  const LanePace::Permit one = begin(third);
  const LanePace::Permit two = begin(third);
  EXPECT_EQ(wait(third), LaneWait::kBreaker) << "both probes are under way";
  EXPECT_EQ(pace->unclosed_since(), kStart) << "an opening that goes on";
  pace->end(one, third, VerdictKind::kDelivered, milliseconds(1));
  pace->end(two, third, VerdictKind::kDelivered, milliseconds(1));
  EXPECT_EQ(pace->breaker_state(), BreakerState::kClosed);
  EXPECT_EQ(pace->unclosed_since(), std::nullopt);
  using enum BreakerState;
  EXPECT_EQ(seen, (std::vector{kOpen, kHalfOpen, kOpen, kHalfOpen, kOpen, kHalfOpen, kClosed}));
}

TEST_F(LanePaceTest, AProbeThatNeverBeganLeavesItsPlace) {
  make(quick_breaker());
  for (int i = 0; i < 4; ++i) attempt(kStart, VerdictKind::kRetry);
  const MonoTime then = at(seconds(10));
  const LanePace::Permit one = begin(then);
  begin(then);
  EXPECT_EQ(wait(then), LaneWait::kBreaker);
  pace->abandon(one, then);
  EXPECT_EQ(wait(then), LaneWait::kNothing);
}

TEST_F(LanePaceTest, RetriesBeyondTheBudgetComeBackApart) {
  LanePolicy policy = LanePolicy::standard();
  policy.retry_budget = policy::RetryBudgetOptions{.share = 0, .retries_min = 2};
  make(policy);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(pace->retry_wait(kStart), Duration::zero());
    pace->end(begin(kStart, true), kStart, VerdictKind::kRetry, milliseconds(1));
  }
  EXPECT_EQ(pace->retry_wait(kStart), seconds(1));
  EXPECT_EQ(pace->retry_wait(kStart), seconds(6));
  EXPECT_EQ(pace->retry_wait(kStart), seconds(11));
  for (int i = 0; i < 100; ++i) EXPECT_LE(pace->retry_wait(kStart), LanePace::kRetryWaitMax);
  EXPECT_EQ(pace->retry_wait(at(seconds(10))), Duration::zero());
}

TEST_F(LanePaceTest, ARetryThatIsDeliveredSpendsNothing) {
  LanePolicy policy = LanePolicy::standard();
  policy.retry_budget = policy::RetryBudgetOptions{.share = 0, .retries_min = 1};
  make(policy);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(pace->retry_wait(kStart), Duration::zero());
    pace->end(begin(kStart, true), kStart, VerdictKind::kDelivered, milliseconds(1));
  }
}

TEST_F(LanePaceTest, ConcurrencyShrinksWithOverloadAndGrowsWithGoodAnswers) {
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = 64;
  policy.concurrency_min = 2;
  policy.breaker.reset();
  make(policy);
  const std::uint32_t initial = pace->concurrency();
  MonoTime now = kStart;
  std::vector<LanePace::Permit> running;
  const auto round = [&](VerdictKind verdict) {
    while (wait(now) == LaneWait::kNothing) running.push_back(pace->begin(now, false));
    now += seconds(1);
    for (const LanePace::Permit& permit : running) {
      pace->end(permit, now, verdict, milliseconds(10));
    }
    running.clear();
  };
  for (int i = 0; i < 10; ++i) round(VerdictKind::kDelivered);
  EXPECT_GE(pace->concurrency(), initial + 3);
  const std::uint32_t grown = pace->concurrency();
  round(VerdictKind::kThrottled);
  EXPECT_LT(pace->concurrency(), grown);
  for (int i = 0; i < 20; ++i) round(VerdictKind::kRetry);
  EXPECT_EQ(pace->concurrency(), 2U);
  for (int i = 0; i < 400; ++i) round(VerdictKind::kDelivered);
  EXPECT_EQ(pace->concurrency(), 64U);
}

TEST_F(LanePaceTest, AReloadKeepsWhatEveryMachineKnows) {
  LanePolicy policy = quick_breaker();
  policy.rate = policy::RateLimit::make({.count = 1, .period = minutes(1)}, 1).value();
  make(policy);
  attempt(kStart, VerdictKind::kDelivered);
  policy.timeout = seconds(3);
  pace->set_policy(policy);
  EXPECT_EQ(pace->look(kStart).until, at(minutes(1)));
  policy.rate.reset();
  pace->set_policy(policy);
  for (int i = 0; i < 3; ++i) attempt(kStart, VerdictKind::kRetry);
  EXPECT_EQ(pace->breaker_state(), BreakerState::kOpen);
  policy.breaker->open_for = seconds(20);
  pace->set_policy(policy);
  EXPECT_EQ(pace->breaker_state(), BreakerState::kOpen);
  EXPECT_EQ(pace->look(kStart).until, at(seconds(10))) << "this opening ends as it began";
  pace->force(BreakerOrder::kClosed, kStart);
  pace->set_policy(quick_breaker());
  EXPECT_EQ(pace->breaker_state(), BreakerState::kForcedClosed);
}

// Whatever comes to pass, what began within any second never exceeds the rate by more than the one
// that it may begin with, and every place is given back.
TEST_F(LanePaceTest, HoldsTheRateOverAnySpan) {
  std::mt19937_64 random(8);
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = 16;
  policy.breaker.reset();
  policy.rate = policy::RateLimit::make({.count = 40}, 1).value();
  make(policy);
  std::vector<MonoTime> begun;
  std::vector<LanePace::Permit> running;
  MonoTime now = kStart;
  while (begun.size() < 2000) {
    now += Duration(random() % 20'000'000);
    while (wait(now) == LaneWait::kNothing) {
      running.push_back(pace->begin(now, false));
      begun.push_back(now);
    }
    while (!running.empty() && random() % 3 != 0) {
      const auto verdict = static_cast<VerdictKind>(random() % 8);
      random() % 10 == 0 ? pace->abandon(running.back(), now)
                         : pace->end(running.back(), now, verdict, Duration(random() % 1'000'000));
      running.pop_back();
    }
  }
  for (std::size_t i = 0; i + 40 < begun.size(); ++i) {
    ASSERT_GE(begun[i + 40] - begun[i], seconds(1)) << i;
  }
  EXPECT_EQ(pace->in_flight(), running.size());
}

}  // namespace
}  // namespace tocsin::delivery
