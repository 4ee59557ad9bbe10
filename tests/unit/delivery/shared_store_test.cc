// A store that other gateways use, too: what they make ready is found within a look, and a gateway
// that is alone never looks.
#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = stage::OperationKind;

class SharedStoreTest : public ::testing::Test {
 protected:
  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& chat = world.add_lane("chat");

  std::size_t looks() {
    std::size_t found = 0;
    for (const auto& batch : storage.batches()) {
      found += static_cast<std::size_t>(std::ranges::count(batch, Kind::kLook));
    }
    return found;
  }
  /// A delivery that waits for an hour, until somebody else changes its row.
  message::DeliveryId waiting() {
    return world.append({.to = {chat.door()}, .deliver_at = world.clock.wall() + minutes(60)})
        .delivery();
  }
  void make_ready(message::DeliveryId id) {
    storage.meddle(id, [&](FakeStorage::Row& row) { row.next_at = world.clock.wall(); });
  }
  void somebody_joins() {
    storage.set_others(1);
    world.advance(OutboxFront::kRenewEvery);
  }
};

TEST_F(SharedStoreTest, NeverLooksWhileItIsAlone) {
  world.pass(minutes(2));
  EXPECT_EQ(looks(), 0U);
}

TEST_F(SharedStoreTest, LooksTwiceASecondOnceSomebodyJoined) {
  somebody_joins();
  world.pass(seconds(5), milliseconds(100));
  EXPECT_EQ(looks(), 10U);
}

TEST_F(SharedStoreTest, LooksOnceMoreWhenTheOtherWentAndThenNoLonger) {
  somebody_joins();
  storage.set_others(0);
  world.pass(minutes(1));
  EXPECT_EQ(looks(), 1U);
}

TEST_F(SharedStoreTest, FindsWhatAnotherMadeReady) {
  const message::DeliveryId id = waiting();
  somebody_joins();
  make_ready(id);
  EXPECT_TRUE(chat.output->seen.empty());
  world.advance(OutboxFront::kLookEvery);
  ASSERT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(chat.output->seen[0].delivery, id);
}

TEST_F(SharedStoreTest, AsksForNoRowsWhenNothingChanged) {
  waiting();
  somebody_joins();
  const std::uint64_t claims = storage.claims();
  world.pass(seconds(10), milliseconds(250));
  EXPECT_EQ(storage.claims(), claims);
}

TEST_F(SharedStoreTest, KnowsTheBacklogThatOthersLeave) {
  const message::DeliveryId id = waiting();
  EXPECT_EQ(chat.door()->backlog(), 1U);
  somebody_joins();
  storage.meddle(id, [](FakeStorage::Row& row) { row.state = DeliveryState::kDelivered; });
  world.advance(OutboxFront::kLookEvery);
  EXPECT_EQ(chat.door()->backlog(), 0U);
}

TEST_F(SharedStoreTest, LooksAgainAfterALookThatFailed) {
  const message::DeliveryId id = waiting();
  somebody_joins();
  make_ready(id);
  storage.end_next({FakeStorage::Next::kFail});
  world.advance(OutboxFront::kLookEvery);
  EXPECT_TRUE(chat.output->seen.empty());
  world.pass(seconds(11));
  EXPECT_EQ(chat.output->seen.size(), 1U);
}

TEST_F(SharedStoreTest, LooksWhenACommitOfUnknownOutcomeMadeItOpenAgain) {
  const message::DeliveryId id = waiting();
  make_ready(id);
  storage.end_next({FakeStorage::Next::kUnknownDone});
  world.append({.to = {chat.door()}});
  world.turn();
  EXPECT_EQ(looks(), 1U);
  EXPECT_EQ(chat.output->seen.size(), 2U);
}

}  // namespace
}  // namespace tocsin::delivery::testing
