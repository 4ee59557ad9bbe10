#include "gateway/app/lane_handover.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

TEST(LaneHandover, SaysWhatEachLaneKnows) {
  PaceStates states;
  states["chat"].at = states["sms"].at = WallTime(std::chrono::hours(24 * 365 * 50));
  states["chat"].breaker = policy::BreakerState::kForcedOpen;
  states["sms"].throttled_left = std::chrono::seconds(7);
  const auto read = decode_pace_states(encode_pace_states(states));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->at("chat").breaker, policy::BreakerState::kForcedOpen);
  EXPECT_EQ(read->at("sms").throttled_left, std::chrono::seconds(7));
}

TEST(LaneHandover, LeavesOutWhatCannotBeRead) {
  const auto read =
      decode_pace_states(R"({"chat":{"at":"2026-01-01T00:00:00Z"},"sms":{"moon":1},"mail":7})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size(), 1U);
  EXPECT_FALSE(decode_pace_states("[]"));
  EXPECT_FALSE(decode_pace_states("{"));
}

}  // namespace
}  // namespace tocsin::app
