#include "gateway/delivery/pace_state.h"

#include <gtest/gtest.h>

namespace tocsin::delivery {
namespace {

using policy::BreakerState;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr WallTime kNow = WallTime(hours(24 * 365 * 50));

PaceState full() {
  PaceState state;
  state.at = kNow;
  state.breaker = BreakerState::kOpen;
  state.breaker_left = seconds(30);
  state.open_for = seconds(60);
  state.unclosed_for = seconds(5);
  state.throttled_left = seconds(7);
  state.paused = true;
  state.probe_left = minutes(1);
  state.account = "sms/AC12";
  state.account_left = seconds(9);
  state.rate_spent = seconds(2);
  state.throttle_steps = 3;
  state.account_steps = 2;
  state.recovering = true;
  return state;
}

TEST(PaceState, IsReadAsItWasWritten) {
  const auto read = decode_pace_state(encode_pace_state(full()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at, kNow);
  EXPECT_EQ(read->breaker, BreakerState::kOpen);
  EXPECT_EQ(read->breaker_left, seconds(30));
  EXPECT_EQ(read->open_for, seconds(60));
  EXPECT_EQ(read->unclosed_for, seconds(5));
  EXPECT_EQ(read->throttled_left, seconds(7));
  EXPECT_TRUE(read->paused);
  EXPECT_EQ(read->probe_left, minutes(1));
  EXPECT_EQ(read->account, "sms/AC12");
  EXPECT_EQ(read->account_left, seconds(9));
  EXPECT_EQ(read->rate_spent, seconds(2));
  EXPECT_EQ(read->throttle_steps, 3U);
  EXPECT_EQ(read->account_steps, 2U);
  EXPECT_TRUE(read->recovering);
}

TEST(PaceState, IsReadOfAReleaseThatKnewLess) {
  const auto read =
      decode_pace_state(R"({"at":"2026-01-01T00:00:00Z","breaker":"open","throttled_us":5000000})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->throttled_left, seconds(5));
  EXPECT_EQ(read->throttle_steps, 0U);
  EXPECT_EQ(read->account_steps, 0U);
  EXPECT_FALSE(read->recovering);
}

TEST(PaceState, CountsHowOftenAReceiverAskedForAWhileOnly) {
  PaceState state;
  state.at = kNow;
  state.throttled_left = seconds(8);
  state.throttle_steps = 4;
  EXPECT_EQ(state.keep(), seconds(8) + PaceState::kStepsKept);
  EXPECT_EQ(state.aged(kNow + seconds(9)).throttle_steps, 4U);
  EXPECT_TRUE(state.aged(kNow + seconds(9)).worth_keeping());
  EXPECT_EQ(state.aged(kNow + seconds(8) + PaceState::kStepsKept).throttle_steps, 0U);
}

TEST(PaceState, ARecoveryIsKeptUntilItIsOver) {
  PaceState state;
  state.at = kNow;
  state.recovering = true;
  EXPECT_TRUE(state.worth_keeping());
  EXPECT_EQ(state.keep(), PaceState::kBelieved);
}

TEST(PaceState, AnOperatorsPauseIsKeptUntilHeEndsIt) {
  PaceState state;
  state.at = kNow;
  state.halted = true;
  EXPECT_TRUE(state.worth_keeping());
  EXPECT_EQ(state.keep(), Duration::zero());
  const auto read = decode_pace_state(encode_pace_state(state));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->aged(kNow + std::chrono::hours(1000)).halted);
  EXPECT_FALSE(decode_pace_state(encode_pace_state(full()))->halted);
}

TEST(PaceState, LeavesOutWhatSaysNothing) {
  PaceState state;
  state.at = kNow;
  EXPECT_EQ(encode_pace_state(state), R"({"at":"2019-12-20T00:00:00Z"})");
}

TEST(PaceState, IsReadByAReleaseThatKnowsLess) {
  const auto read = decode_pace_state(
      R"({"at":"2026-01-01T00:00:00Z","breaker":"ajar","moon":[1],"throttled_us":5000000})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->breaker, BreakerState::kClosed);
  EXPECT_EQ(read->throttled_left, seconds(5));
}

TEST(PaceState, IsNoneWithoutItsInstant) {
  for (const char* text : {"", "[]", "{}", R"({"at":"yesterday"})", R"({"at":7})"}) {
    EXPECT_FALSE(decode_pace_state(text)) << text;
  }
}

TEST(PaceState, TakesNoSpanThatNobodyCanMean) {
  const auto read = decode_pace_state(
      R"({"at":"2026-01-01T00:00:00Z","throttled_us":-1,"account_us":9223372036854775807,)"
      R"("rate_us":"7","throttle_steps":-1,"account_steps":9223372036854775807})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->throttled_left, Duration::zero());
  EXPECT_EQ(read->account_left, hours(24 * 365));
  EXPECT_EQ(read->throttle_steps, 0U);
  EXPECT_EQ(read->account_steps, 1000U);
  EXPECT_EQ(read->rate_spent, Duration::zero());
}

TEST(PaceState, LosesWhatTimeHasPassed) {
  const PaceState later = full().aged(kNow + seconds(8));
  EXPECT_EQ(later.at, kNow + seconds(8));
  EXPECT_EQ(later.breaker_left, seconds(22));
  EXPECT_EQ(later.throttled_left, Duration::zero());
  EXPECT_EQ(later.account_left, seconds(1));
  EXPECT_EQ(later.open_for, seconds(60));
  EXPECT_TRUE(later.paused);
}

TEST(PaceState, LastsNoLongerWhenTheClockWasSetBack) {
  const PaceState earlier = full().aged(kNow - hours(24));
  EXPECT_EQ(earlier.throttled_left, seconds(7));
  EXPECT_EQ(earlier.at, kNow - hours(24));
}

TEST(PaceState, IsKeptForAsLongAsItMatters) {
  PaceState state;
  EXPECT_FALSE(state.worth_keeping());
  state.rate_spent = std::chrono::milliseconds(100);
  EXPECT_FALSE(state.worth_keeping());
  state.throttled_left = minutes(3);
  EXPECT_TRUE(state.worth_keeping());
  EXPECT_EQ(state.keep(), minutes(3));
  state.breaker = BreakerState::kForcedClosed;
  EXPECT_TRUE(state.worth_keeping());
  EXPECT_EQ(state.keep(), Duration::zero());
}

}  // namespace
}  // namespace tocsin::delivery
