#include "gateway/policy/concurrency_limit.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tocsin::policy {
namespace {

using namespace std::chrono_literals;
using Outcome = ConcurrencyLimit::Outcome;

constexpr MonoTime kStart = MonoTime(1h);

ConcurrencyOptions adaptive(std::uint32_t min, std::uint32_t initial, std::uint32_t max) {
  ConcurrencyOptions options;
  options.adaptive = true;
  options.min = min;
  options.initial = initial;
  options.max = max;
  return options;
}

/// Fills the limit, then ends every call alike.
void one_round(ConcurrencyLimit& limit, MonoTime now, Duration latency, Outcome outcome) {
  std::uint32_t taken = 0;
  while (limit.try_acquire()) ++taken;
  for (; taken > 0; --taken) limit.release(now, latency, outcome);
}

TEST(ConcurrencyLimit, RefusesSettingsThatCannotWork) {
  EXPECT_FALSE(ConcurrencyOptions{.max = 0}.check());
  EXPECT_FALSE(adaptive(0, 5, 10).check());
  EXPECT_FALSE(adaptive(11, 11, 10).check());
  EXPECT_FALSE(adaptive(1, 11, 10).check());
  ConcurrencyOptions options = adaptive(1, 5, 10);
  options.decrease = 1.0;
  EXPECT_FALSE(options.check());
  options.decrease = 0.5;
  options.slow_factor = 1.0;
  EXPECT_FALSE(options.check());
}

TEST(ConcurrencyLimit, AdmitsExactlyItsFixedNumber) {
  ConcurrencyLimit limit({.max = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.try_acquire());
  EXPECT_FALSE(limit.try_acquire());
  limit.release(kStart, 1h, Outcome::kOverload);
  EXPECT_EQ(limit.limit(), 3u) << "a fixed limit does not move";
  EXPECT_TRUE(limit.try_acquire());
}

TEST(ConcurrencyLimit, GrowsByAboutOnePerRoundOfGoodCalls) {
  ConcurrencyLimit limit(adaptive(1, 10, 100));
  for (int i = 0; i < 10; ++i) one_round(limit, kStart, 10ms, Outcome::kSuccess);
  EXPECT_GE(limit.limit(), 15u);
  EXPECT_LE(limit.limit(), 20u);
}

TEST(ConcurrencyLimit, DoesNotGrowWhileItIsNotUsed) {
  ConcurrencyLimit limit(adaptive(1, 10, 100));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(limit.try_acquire());
    limit.release(kStart, 10ms, Outcome::kSuccess);
  }
  EXPECT_EQ(limit.limit(), 10u);
}

TEST(ConcurrencyLimit, ShrinksOncePerSettlingTime) {
  ConcurrencyLimit limit(adaptive(1, 100, 100));
  one_round(limit, kStart, 10ms, Outcome::kOverload);
  EXPECT_EQ(limit.limit(), 70u) << "one burst of failures is one sign";
  one_round(limit, kStart + 199ms, 10ms, Outcome::kOverload);
  EXPECT_EQ(limit.limit(), 70u);
  one_round(limit, kStart + 200ms, 10ms, Outcome::kOverload);
  EXPECT_EQ(limit.limit(), 49u);
}

TEST(ConcurrencyLimit, TakesSlowCallsAsOverload) {
  ConcurrencyOptions options = adaptive(1, 10, 100);
  options.slow_call = 1s;
  ConcurrencyLimit limit(options);
  one_round(limit, kStart, 1s, Outcome::kSuccess);
  EXPECT_EQ(limit.limit(), 7u);
}

TEST(ConcurrencyLimit, LearnsWhatSlowMeans) {
  ConcurrencyLimit limit(adaptive(1, 10, 100));
  one_round(limit, kStart, 20ms, Outcome::kSuccess);
  const std::uint32_t before = limit.limit();
  one_round(limit, kStart + 1s, 59ms, Outcome::kSuccess);
  EXPECT_GE(limit.limit(), before);
  one_round(limit, kStart + 2s, 60ms, Outcome::kSuccess);
  EXPECT_LT(limit.limit(), before);
}

TEST(ConcurrencyLimit, ForgetsABaselineThatNoLongerHolds) {
  ConcurrencyLimit limit(adaptive(1, 10, 100));
  one_round(limit, kStart, 1ms, Outcome::kSuccess);
  one_round(limit, kStart + 1h, 100ms, Outcome::kSuccess);
  EXPECT_GE(limit.limit(), 10u) << "after a long silence nothing is known";
}

TEST(ConcurrencyLimit, LearnsNothingFromIgnoredCalls) {
  ConcurrencyLimit limit(adaptive(1, 10, 100));
  one_round(limit, kStart, 1ns, Outcome::kIgnored);
  one_round(limit, kStart, 10ms, Outcome::kSuccess);
  EXPECT_GE(limit.limit(), 10u);
  EXPECT_EQ(limit.in_flight(), 0u);
}

TEST(ConcurrencyLimit, ClampsIntoANewRange) {
  ConcurrencyLimit limit(adaptive(1, 80, 100));
  for (int i = 0; i < 80; ++i) ASSERT_TRUE(limit.try_acquire());
  limit.set_options(adaptive(1, 10, 50));
  EXPECT_EQ(limit.limit(), 50u);
  EXPECT_EQ(limit.in_flight(), 80u);
  EXPECT_FALSE(limit.try_acquire());
}

TEST(ConcurrencyLimit, StaysInItsRangeWhateverHappens) {
  std::mt19937_64 random(7);
  ConcurrencyLimit limit(adaptive(2, 10, 40));
  MonoTime now = kStart;
  std::uint32_t in_flight = 0;
  for (int i = 0; i < 50'000; ++i) {
    now += Duration(random() % 100'000'000);
    if (random() % 2 == 0) {
      const bool room = in_flight < limit.limit();
      ASSERT_EQ(limit.try_acquire(), room);
      if (room) ++in_flight;
    } else if (in_flight > 0) {
      limit.release(now, Duration(random() % 1'000'000), static_cast<Outcome>(random() % 3));
      --in_flight;
    }
    ASSERT_EQ(limit.in_flight(), in_flight);
    ASSERT_GE(limit.limit(), 2u);
    ASSERT_LE(limit.limit(), 40u);
  }
}

TEST(ConcurrencyLimit, FindsTheCapacityOfATargetThatSlowsDownBeyondIt) {
  constexpr std::uint32_t kCapacity = 40;
  ConcurrencyLimit limit(adaptive(1, 5, 1000));
  MonoTime now = kStart;
  std::uint32_t highest = 0;
  std::uint32_t lowest = 1000;
  for (int round = 0; round < 2000; ++round) {
    std::uint32_t taken = 0;
    while (limit.try_acquire()) ++taken;
    // Queueing: beyond its capacity the target takes proportionally longer, then more than that.
    const double load = static_cast<double>(taken) / kCapacity;
    const Duration latency =
        load <= 1 ? 10ms : Duration(static_cast<std::int64_t>(1e7 * load * load));
    now += latency;
    for (std::uint32_t i = 0; i < taken; ++i) limit.release(now, latency, Outcome::kSuccess);
    if (round < 500) continue;
    highest = std::max(highest, limit.limit());
    lowest = std::min(lowest, limit.limit());
  }
  EXPECT_LE(highest, 2 * kCapacity);
  EXPECT_GE(lowest, kCapacity / 2);
}

TEST(ConcurrencyLimitDeathTest, RefusesToReleaseTwice) {
  ConcurrencyLimit limit({.max = 1});
  EXPECT_DEATH(limit.release(kStart, 1ms, Outcome::kSuccess), "released twice");
}

}  // namespace
}  // namespace tocsin::policy
