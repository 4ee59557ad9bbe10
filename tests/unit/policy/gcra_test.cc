#include "gateway/policy/gcra.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace tocsin::policy {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart = MonoTime(1h);

RateLimit limit_of(double count, Duration period, std::uint32_t burst) {
  auto limit = RateLimit::make(Rate{count, period}, burst);
  EXPECT_TRUE(limit) << limit.error().text();
  return *limit;
}

TEST(RateLimit, RefusesWhatCannotWork) {
  EXPECT_FALSE(RateLimit::make(Rate{0, 1s}, 1));
  EXPECT_FALSE(RateLimit::make(Rate{-1, 1s}, 1));
  EXPECT_FALSE(RateLimit::make(Rate{std::nan(""), 1s}, 1));
  EXPECT_FALSE(RateLimit::make(Rate{std::numeric_limits<double>::infinity(), 1s}, 1));
  EXPECT_FALSE(RateLimit::make(Rate{10, 0s}, 1));
  EXPECT_FALSE(RateLimit::make(Rate{10, 1s}, 0));
  EXPECT_FALSE(RateLimit::make(Rate{1, 24h}, 1'000'000)) << "would refill in centuries";
  EXPECT_TRUE(RateLimit::make(Rate{1, 24h}, 3'650));
}

TEST(RateLimit, RoundsTheIntervalUpSoThatItIsNeverTooFast) {
  EXPECT_EQ(limit_of(3, 1s, 1).interval, 333'333'334ns);
  EXPECT_EQ(limit_of(10, 1s, 1).interval, 100ms);
  EXPECT_EQ(limit_of(0.1, 1s, 1).interval, 10s);
  EXPECT_EQ(limit_of(1e12, 1s, 1).interval, 1ns);
}

TEST(Gcra, AllowsTheBurstThenTheRate) {
  Gcra gcra(limit_of(10, 1s, 3));
  for (std::uint32_t left : {2u, 1u, 0u}) {
    const LimitDecision decision = gcra.take(kStart);
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.remaining, left);
  }
  const LimitDecision refused = gcra.take(kStart);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 100ms);
  EXPECT_EQ(refused.reset_after, 300ms);
  EXPECT_FALSE(gcra.take(kStart + 100ms - 1ns).allowed);
  EXPECT_TRUE(gcra.take(kStart + 100ms).allowed);
}

TEST(Gcra, RefusesACostAboveTheBurstForEver) {
  Gcra gcra(limit_of(10, 1s, 3));
  EXPECT_TRUE(gcra.take(kStart, 4).never());
  EXPECT_TRUE(gcra.take(kStart + 24h, std::numeric_limits<std::uint32_t>::max()).never());
  EXPECT_EQ(gcra.take(kStart, 0).remaining, 3u) << "a refusal spends nothing";
  EXPECT_FALSE(gcra.take(kStart, 3).never());
}

TEST(Gcra, ReportsWithoutSpendingAtCostZero) {
  Gcra gcra(limit_of(1, 1s, 2));
  EXPECT_EQ(gcra.take(kStart, 0).remaining, 2u);
  gcra.take(kStart, 2);
  const LimitDecision state = gcra.take(kStart, 0);
  EXPECT_TRUE(state.allowed);
  EXPECT_EQ(state.remaining, 0u);
  EXPECT_EQ(state.reset_after, 2s);
}

TEST(Gcra, SurvivesIdlenessOfCenturies) {
  Gcra gcra(limit_of(1, 24h, 3000));
  EXPECT_TRUE(gcra.take(MonoTime(), 3000).allowed);
  const MonoTime late(Duration(std::numeric_limits<std::int64_t>::max() / 2));
  const LimitDecision decision = gcra.take(late, 1);
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.remaining, 2999u);
}

TEST(Gcra, IsNotMoreGenerousWhenTheClockStepsBack) {
  Gcra gcra(limit_of(10, 1s, 2));
  gcra.take(kStart, 2);
  const LimitDecision decision = gcra.take(kStart - 1s);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.remaining, 0u);
  EXPECT_EQ(decision.retry_after, 1100ms);
}

TEST(Gcra, KeepsWhatWasSpentWhenTheLimitChanges) {
  Gcra gcra(limit_of(1, 1s, 10));
  gcra.take(kStart, 10);
  gcra.set_limit(limit_of(1, 1s, 2));
  EXPECT_EQ(gcra.take(kStart).retry_after, 9s);
  EXPECT_EQ(gcra.take(kStart).remaining, 0u);
}

/// The textbook bucket, in nanoseconds of credit.
struct NaiveBucket {
  RateLimit limit;
  Duration credit = limit.tolerance;
  MonoTime last = kStart;
  bool take(MonoTime now, std::uint32_t cost) {
    credit = std::min(limit.tolerance, credit + (now - last));
    last = now;
    if (limit.interval * cost > credit) return false;
    credit -= limit.interval * cost;
    return true;
  }
};

TEST(Gcra, AgreesWithATokenBucketOnRandomTraffic) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    const RateLimit limit = limit_of(1.0 + static_cast<double>(random() % 1000), 1s,
                                     1 + static_cast<std::uint32_t>(random() % 20));
    Gcra gcra(limit);
    NaiveBucket model{limit};
    MonoTime now = kStart;
    for (int i = 0; i < 500; ++i) {
      now += Duration(random() % static_cast<std::uint64_t>(2 * limit.interval.count()));
      const auto cost = static_cast<std::uint32_t>(1 + random() % 3);
      const LimitDecision decision = gcra.take(now, cost);
      ASSERT_EQ(decision.allowed, model.take(now, cost));
      ASSERT_EQ(decision.remaining, model.credit / limit.interval);
      ASSERT_EQ(decision.reset_after, limit.tolerance - model.credit);
    }
  }
}

TEST(Gcra, NeverAllowsMoreThanBurstPlusRateOverAnyWindow) {
  std::mt19937_64 random(2);
  const RateLimit limit = limit_of(7, 1s, 5);
  Gcra gcra(limit);
  std::vector<std::pair<MonoTime, std::uint32_t>> allowed;
  MonoTime now = kStart;
  for (int i = 0; i < 1500; ++i) {
    now += Duration(random() % 200'000'000);
    const auto cost = static_cast<std::uint32_t>(1 + random() % 4);
    if (gcra.take(now, cost).allowed) allowed.emplace_back(now, cost);
  }
  ASSERT_GT(allowed.size(), 300u);
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    Duration spent{};
    for (std::size_t j = i; j < allowed.size(); ++j) {
      spent += limit.interval * allowed[j].second;
      ASSERT_LE(spent, limit.tolerance + (allowed[j].first - allowed[i].first));
    }
  }
}

TEST(Gcra, ServesWhoeverWaitsAsLongAsTold) {
  std::mt19937_64 random(3);
  Gcra gcra(limit_of(13, 1s, 4));
  MonoTime now = kStart;
  for (int i = 0; i < 1000; ++i) {
    const auto cost = static_cast<std::uint32_t>(1 + random() % 4);
    const LimitDecision decision = gcra.take(now, cost);
    if (decision.allowed) continue;
    ASSERT_FALSE(gcra.take(now + decision.retry_after - 1ns, cost).allowed);
    now += decision.retry_after;
    ASSERT_TRUE(gcra.take(now, cost).allowed);
  }
}

}  // namespace
}  // namespace tocsin::policy
