// A reload gives a lane another instance of its output, and now and then another policy. What the
// lane knows of the receiver stays.

#include <gtest/gtest.h>

#include "gateway/delivery/lane.h"
#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class LaneAttachTest : public ::testing::Test {
 protected:
  /// Three reloads, each with an instance and a pace of its own; the last instance stays.
  FakeOutput& reload_three_times(World::LaneAndOutput& home) {
    LanePolicy policy = LanePolicy::standard();
    for (int i = 0; i < 3; ++i) {
      instances.push_back(std::make_unique<FakeOutput>(*home.lane));
      policy.concurrency = static_cast<std::uint32_t>(4 + i);
      home.lane->attach(instances.back().get(), policy);
      world.append({.to = {home.door()}});
      world.turn();
    }
    return *instances.back();
  }
  std::size_t attempts() const {
    std::size_t seen = 0;
    for (const auto& instance : instances) seen += instance->seen.size();
    return seen;
  }

  std::vector<std::unique_ptr<FakeOutput>> instances;
  FakeStorage storage;
  World world{storage};
};

TEST_F(LaneAttachTest, AnOutputThatWasThrottledStaysClosedOverReloads) {
  auto& chat = world.add_lane("chat");
  world.append({.to = {chat.door()}});
  chat.output->complete({.kind = VerdictKind::kThrottled, .after = minutes(5)});
  FakeOutput& last = reload_three_times(chat);
  world.pass(minutes(5) - seconds(1));
  EXPECT_EQ(chat.lane->look().wait, LaneWait::kThrottled);
  EXPECT_EQ(attempts(), 0U);
  world.pass(seconds(2));
  EXPECT_EQ(last.seen.size(), 4U);
  EXPECT_EQ(attempts(), 4U);
}

TEST_F(LaneAttachTest, AnOutputThatIsPausedStaysSoOverReloadsButForItsProbe) {
  auto& chat = world.add_lane("chat");
  world.append({.to = {chat.door()}});
  chat.output->complete({.kind = VerdictKind::kUnauthorized, .scope = VerdictScope::kAccount});
  FakeOutput& last = reload_three_times(chat);
  EXPECT_TRUE(chat.lane->paused());
  EXPECT_EQ(attempts(), 0U);
  world.pass(seconds(61));
  EXPECT_EQ(last.seen.size(), 1U);
  last.complete(delivered());
  world.turn();
  EXPECT_FALSE(chat.lane->paused());
}

TEST_F(LaneAttachTest, AnAddressThatIsHeldStaysHeldOverReloads) {
  auto& chat = world.add_lane("chat");
  world.append({.to = {chat.door()}, .address = "a"});
  chat.output->complete(
      {.kind = VerdictKind::kThrottled, .scope = VerdictScope::kAddress, .after = minutes(5)});
  world.turn();
  FakeOutput& last = reload_three_times(chat);
  const std::size_t others = last.seen.size();
  world.append({.to = {chat.door()}, .address = "a"});
  world.append({.to = {chat.door()}, .address = "b"});
  world.turn();
  EXPECT_EQ(last.seen.size(), others + 1);
  EXPECT_EQ(last.seen.back().address, "b");
}

}  // namespace
}  // namespace tocsin::delivery::testing
