#include "gateway/delivery/lane_gate.h"

#include <gtest/gtest.h>

namespace tocsin::delivery {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr MonoTime at(Duration since) { return MonoTime(since); }

TEST(LaneGate, OpensWhenTheLongestClosingIsOver) {
  LaneGate gate;
  EXPECT_TRUE(gate.open(at(seconds(1))));
  gate.close(at(seconds(30)));
  gate.close(at(seconds(10)));
  EXPECT_FALSE(gate.open(at(seconds(29))));
  EXPECT_TRUE(gate.open(at(seconds(30))));
}

TEST(LaneGate, LetsOneProbeThroughAMinute) {
  LaneGate gate;
  gate.pause(at(minutes(1)));
  EXPECT_FALSE(gate.open(at(seconds(59))));
  EXPECT_TRUE(gate.open(at(minutes(1))));
  gate.on_attempt(at(minutes(1)), minutes(1));
  EXPECT_FALSE(gate.open(at(minutes(1))));
  EXPECT_EQ(gate.opens_at(), at(minutes(2)));
  gate.resume();
  EXPECT_TRUE(gate.open(at(minutes(1))));
}

TEST(LaneGate, IsHeldUntilItsTimeOrUntilItIsLifted) {
  LaneGate gate;
  gate.hold(at(minutes(10)));
  gate.close(at(minutes(1)));
  EXPECT_EQ(gate.opens_at(), at(minutes(10)));
  EXPECT_TRUE(gate.held(at(minutes(9))));
  EXPECT_FALSE(gate.held(at(minutes(10))));
  gate.resume();
  EXPECT_EQ(gate.opens_at(), at(minutes(10)));
  gate.lift();
  EXPECT_EQ(gate.opens_at(), at(minutes(1)));
}

TEST(LaneGate, AProbeWaitsForTheClosingToo) {
  LaneGate gate;
  gate.pause(at(seconds(10)));
  gate.close(at(seconds(20)));
  EXPECT_EQ(gate.opens_at(), at(seconds(20)));
}

}  // namespace
}  // namespace tocsin::delivery
