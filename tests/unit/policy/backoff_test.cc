#include "gateway/policy/backoff.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace tocsin::policy {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLowest = 0;
constexpr std::uint64_t kHighest = std::numeric_limits<std::uint64_t>::max();

Backoff backoff_of(BackoffOptions options) {
  auto backoff = Backoff::make(std::move(options));
  EXPECT_TRUE(backoff) << backoff.error().text();
  return *backoff;
}

TEST(Backoff, RefusesSettingsThatCannotWork) {
  EXPECT_FALSE(Backoff::make({.max_attempts = 0}));
  EXPECT_FALSE(Backoff::make({.initial = 0s}));
  EXPECT_FALSE(Backoff::make({.initial = 10s, .max = 9s}));
  EXPECT_FALSE(Backoff::make({.max = Duration::max()}));
  EXPECT_FALSE(Backoff::make({.multiplier = 0.5}));
  EXPECT_FALSE(Backoff::make({.multiplier = std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_FALSE(Backoff::make({.schedule = {5s, 0s}}));
  EXPECT_FALSE(Backoff::make({.schedule = std::vector<Duration>(65, 1s)}));
  EXPECT_FALSE(Backoff::make({.retry_after_max = -1s}));
  EXPECT_TRUE(Backoff::make({}));
}

TEST(Backoff, DoublesUpToItsMaximum) {
  const Backoff backoff = backoff_of({.max_attempts = 2000, .initial = 1s, .max = 60s});
  EXPECT_EQ(backoff.ceiling(1), 1s);
  EXPECT_EQ(backoff.ceiling(2), 2s);
  EXPECT_EQ(backoff.ceiling(6), 32s);
  EXPECT_EQ(backoff.ceiling(7), 60s);
  EXPECT_EQ(backoff.ceiling(1000), 60s);
  EXPECT_EQ(backoff.ceiling(std::numeric_limits<std::uint32_t>::max()), 60s);
}

TEST(Backoff, StaysAtInitialWithAMultiplierOfOne) {
  const Backoff backoff = backoff_of({.max_attempts = 5000, .initial = 3s, .multiplier = 1.0});
  EXPECT_EQ(backoff.ceiling(4000), 3s);
}

TEST(Backoff, SpreadsFromZeroToTheCeiling) {
  const Backoff backoff = backoff_of({.initial = 8s, .max = 60s});
  EXPECT_EQ(backoff.wait(1, kLowest), 0s);
  EXPECT_EQ(backoff.wait(1, kHighest), 8s);
  EXPECT_EQ(backoff.wait(1, kHighest / 2 + 1), 4s);
}

TEST(Backoff, WaitsExactlyWithoutJitter) {
  const Backoff backoff = backoff_of({.jitter = Jitter::kNone});
  EXPECT_EQ(backoff.wait(3, kLowest), 4s);
  EXPECT_EQ(backoff.wait(3, kHighest), 4s);
}

TEST(Backoff, IsUniform) {
  std::mt19937_64 random(5);
  const Backoff backoff = backoff_of({.initial = 10s, .max = 10s});
  int tenths[10] = {};
  for (int i = 0; i < 100'000; ++i) {
    const Duration wait = *backoff.wait_with(random, 1);
    ASSERT_GE(wait, 0s);
    ASSERT_LE(wait, 10s);
    ++tenths[std::min<std::int64_t>(9, wait / 1s)];
  }
  for (int count : tenths) EXPECT_NEAR(count, 10'000, 500);
}

TEST(Backoff, GivesUpAfterTheLastAttempt) {
  const Backoff backoff = backoff_of({.max_attempts = 3});
  EXPECT_TRUE(backoff.wait(1, kLowest));
  EXPECT_TRUE(backoff.wait(2, kLowest));
  EXPECT_FALSE(backoff.wait(3, kLowest));
  EXPECT_FALSE(backoff.wait(1000, kLowest));
  EXPECT_FALSE(backoff.wait(3, kLowest, 10s)) << "a receiver cannot ask for more attempts";
}

TEST(Backoff, FollowsAScheduleAndNeverComesEarly) {
  const Backoff backoff = backoff_of({.max_attempts = 1, .schedule = {5s, 5min, 30min, 2h}});
  EXPECT_EQ(backoff.attempts_max(), 5u);
  EXPECT_EQ(backoff.wait(1, kLowest), 5s);
  EXPECT_EQ(backoff.wait(1, kHighest), 5500ms);
  EXPECT_EQ(backoff.wait(4, kLowest), 2h);
  EXPECT_FALSE(backoff.wait(5, kLowest));
}

TEST(Backoff, FollowsAScheduleToTheSecondWithoutJitter) {
  const Backoff backoff = backoff_of({.jitter = Jitter::kNone, .schedule = {5s, 5min}});
  EXPECT_EQ(backoff.wait(2, kHighest), 5min);
}

TEST(Backoff, HonoursRetryAfterOverItsOwnCurveAndSchedule) {
  const Backoff curve = backoff_of({});
  EXPECT_EQ(curve.wait(1, kLowest, 42s), 42s);
  EXPECT_EQ(curve.wait(1, kHighest, 40s), 44s) << "later, never earlier";
  const Backoff schedule = backoff_of({.schedule = {5s, 5min}});
  EXPECT_EQ(schedule.wait(2, kLowest, 7s), 7s);
}

TEST(Backoff, BoundsWhatAReceiverMayAskFor) {
  const Backoff backoff = backoff_of({.jitter = Jitter::kNone, .retry_after_max = 10min});
  EXPECT_EQ(backoff.wait(1, kLowest, 24h), 10min);
  EXPECT_EQ(backoff.wait(1, kLowest, Duration::max()), 10min);
  EXPECT_EQ(backoff.wait(1, kLowest, -5s), 1s) << "nothing was asked for";
}

}  // namespace
}  // namespace tocsin::policy
