#include "gateway/policy/throttle_steps.h"

#include <gtest/gtest.h>

#include <limits>

namespace tocsin::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr MonoTime at(Duration since) { return MonoTime(std::chrono::hours(1) + since); }

TEST(ThrottleSteps, DoubleUpToAMinute) {
  ThrottleSteps throttles;
  MonoTime now = at({});
  for (const int expected : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    const Duration pause = throttles.on_throttled(now, now, 0);
    EXPECT_EQ(pause, seconds(expected));
    now += pause;
  }
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(throttles.on_throttled(now, now, 0), minutes(1));
    now += minutes(1);
  }
}

TEST(ThrottleSteps, BeginAgainOnceSomethingIsServed) {
  ThrottleSteps throttles;
  for (int i = 0; i < 5; ++i) throttles.on_throttled(at(seconds(i)), at(seconds(i)), 0);
  throttles.on_served(at(seconds(4)));
  EXPECT_EQ(throttles.steps(), 0U);
  EXPECT_EQ(throttles.on_throttled(at(seconds(9)), at(seconds(9)), 0), seconds(1));
}

TEST(ThrottleSteps, CountWhatWasUnderWayTogetherOnce) {
  ThrottleSteps throttles;
  EXPECT_EQ(throttles.on_throttled(at({}), at(milliseconds(50)), 0), seconds(1));
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(throttles.on_throttled(at({}), at(milliseconds(60)), 0), seconds(1));
  }
  EXPECT_EQ(throttles.on_throttled(at(seconds(2)), at(seconds(2)), 0), seconds(2));
}

// It was sent before the pause and says nothing of what comes after it.
TEST(ThrottleSteps, WhatIsServedLateDoesNotEndThem) {
  ThrottleSteps throttles;
  throttles.on_throttled(at(seconds(1)), at(seconds(2)), 0);
  throttles.on_served(at(seconds(1)));
  EXPECT_EQ(throttles.on_throttled(at(seconds(3)), at(seconds(3)), 0), seconds(2));
}

TEST(ThrottleSteps, GoOnWhereAnotherProcessWas) {
  const MonoTime now = MonoTime(seconds(100));
  ThrottleSteps steps;
  steps.restore(3, now);
  EXPECT_EQ(steps.steps(), 3U);
  EXPECT_EQ(steps.on_throttled(now, now, 0), seconds(8));
  steps.restore(2, now);
  EXPECT_EQ(steps.steps(), 4U) << "what it has learned itself counts for more";
  steps.on_served(now + seconds(8));
  EXPECT_EQ(steps.on_throttled(now + seconds(9), now + seconds(9), 0), seconds(1));
}

TEST(ThrottleSteps, StretchByATenthAtMost) {
  ThrottleSteps throttles;
  const auto most = std::numeric_limits<std::uint64_t>::max();
  const Duration pause = throttles.on_throttled(at({}), at({}), most);
  EXPECT_GT(pause, milliseconds(1099));
  EXPECT_LE(pause, milliseconds(1100));
}

}  // namespace
}  // namespace tocsin::policy
