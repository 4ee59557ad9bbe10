// What happens while the store cannot commit, and when nobody knows whether it did.
#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::seconds;
using Next = FakeStorage::Next;

class StoreFaultTest : public ::testing::Test {
 protected:
  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& chat = world.add_lane("chat");

  void TearDown() override { storage.set_down(false); }
};

TEST_F(StoreFaultTest, RefusesTheWholeBatchAndIsBackAfterFiveSeconds) {
  storage.end_next({Next::kFail});
  auto& first = world.submit({{.to = {chat.door()}}});
  auto& second = world.submit({{.to = {chat.door()}}});
  world.turn();
  EXPECT_EQ(first.answers + second.answers, 2);
  EXPECT_FALSE(first.committed() || second.committed());
  EXPECT_EQ(storage.notifications(), 0U);
  EXPECT_FALSE(world.port->status().accepting);
  EXPECT_FALSE(world.append({.to = {chat.door()}}).committed());
  world.pass(seconds(5));
  EXPECT_TRUE(world.append({.to = {chat.door()}}).committed());
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32) - 1);
}

TEST_F(StoreFaultTest, KeepsVerdictsInMemoryUntilTheStoreIsBack) {
  std::vector<message::DeliveryId> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(world.append({.to = {chat.door()}}).delivery());
  storage.set_down(true);
  for (int i = 0; i < 5; ++i) chat.output->complete(delivered("p" + std::to_string(i)));
  world.pass(seconds(6));
  EXPECT_FALSE(world.port->status().up);
  EXPECT_EQ(storage.count(DeliveryState::kClaimed), 10U);
  for (int i = 0; i < 5; ++i) chat.output->complete(delivered("p" + std::to_string(5 + i)));
  world.turn();
  storage.set_down(false);
  world.pass(seconds(5));
  EXPECT_TRUE(world.port->status().up);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(storage.row(ids[i]).state, DeliveryState::kDelivered);
    EXPECT_EQ(storage.row(ids[i]).provider_id, "p" + std::to_string(i));
  }
  EXPECT_EQ(chat.output->seen.size(), 10U);
  EXPECT_EQ(chat.lane->held(), 0U);
}

TEST_F(StoreFaultTest, StartsNoAttemptWhileTheStoreIsDown) {
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = 2;
  auto& narrow = world.add_lane("narrow", policy);
  for (int i = 0; i < 3; ++i) world.append({.to = {narrow.door()}});
  ASSERT_EQ(narrow.output->seen.size(), 2U);
  storage.set_down(true);
  while (!narrow.output->open.empty()) narrow.output->complete();
  world.turn();
  narrow.output->script = [](const auto&) { return delivered(); };
  world.pass(seconds(20));
  const std::size_t seen = narrow.output->seen.size();
  EXPECT_LE(seen, 3U);
  world.pass(seconds(20));
  EXPECT_EQ(narrow.output->seen.size(), seen);
  storage.set_down(false);
  world.pass(seconds(8));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 3U);
}

TEST_F(StoreFaultTest, GoesOnSettlingOnAFullDisk) {
  std::vector<message::DeliveryId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(world.append({.to = {chat.door()}}).delivery());
  storage.set_full(true);
  EXPECT_FALSE(world.append({.to = {chat.door()}}).committed());
  EXPECT_TRUE(world.port->status().up);
  EXPECT_FALSE(world.port->status().accepting);
  while (!chat.output->open.empty()) chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 4U);
  storage.set_full(false);
  world.pass(seconds(5));
  EXPECT_TRUE(world.append({.to = {chat.door()}}).committed());
}

TEST_F(StoreFaultTest, TakesNothingByWayOfTrialWhileTheDiskIsFull) {
  storage.set_full(true);
  EXPECT_FALSE(world.append({.to = {chat.door()}}).committed());
  for (int second = 0; second < 12; ++second) {
    world.pass(seconds(1));
    EXPECT_TRUE(world.port->status().up);
    EXPECT_FALSE(world.port->status().accepting) << second;
  }
  EXPECT_FALSE(world.append({.to = {chat.door()}}).committed());
  storage.set_full(false);
  world.pass(seconds(5));
  EXPECT_TRUE(world.port->status().accepting) << "without anybody who tried";
}

TEST_F(StoreFaultTest, ComesBackFromAnOutageToADiskThatMayBeFull) {
  auto& group = world.append({.to = {chat.door()}});
  storage.set_down(true);
  chat.output->complete();
  world.pass(seconds(6));
  EXPECT_FALSE(world.port->status().up);
  storage.set_full(true);
  storage.set_down(false);
  world.pass(seconds(6));
  EXPECT_TRUE(world.port->status().up);
  EXPECT_FALSE(world.port->status().accepting);
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
  storage.set_full(false);
  world.pass(seconds(5));
  EXPECT_TRUE(world.port->status().accepting);
}

TEST_F(StoreFaultTest, ProbesWithARecordThatNobodySees) {
  storage.end_next({Next::kFail});
  world.append({.to = {chat.door()}});
  const std::size_t before = storage.batches().size();
  world.pass(seconds(5));
  const auto batches = storage.batches();
  const auto probes = std::count_if(
      batches.begin() + static_cast<std::ptrdiff_t>(before), batches.end(), [](const auto& kinds) {
        return std::ranges::count(kinds, stage::OperationKind::kRecord) > 0;
      });
  EXPECT_EQ(probes, 1);
  const auto found = storage.get_record(kOwnCollection, kProbeKey, world.clock.wall());
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value());
  world.pass(seconds(20));
  EXPECT_TRUE(world.port->status().accepting);
}

TEST_F(StoreFaultTest, FindsACommitOfUnknownOutcomeThatWasDone) {
  storage.end_next({Next::kUnknownDone});
  auto& group = world.append({.to = {chat.door()}});
  world.turn();
  EXPECT_EQ(group.answers, 1);
  EXPECT_TRUE(group.committed());
  EXPECT_EQ(storage.notifications(), 1U);
  ASSERT_EQ(chat.output->seen.size(), 1U);
  chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
}

TEST_F(StoreFaultTest, FindsACommitOfUnknownOutcomeThatWasLost) {
  storage.end_next({Next::kUnknownLost});
  auto& group = world.append({.to = {chat.door()}});
  EXPECT_EQ(group.answers, 1);
  EXPECT_FALSE(group.committed());
  EXPECT_EQ(storage.notifications(), 0U);
  auto& again = world.append({.to = {chat.door()}});
  EXPECT_TRUE(again.committed());
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32) - 1);
}

// A batch whose outcome nobody can tell, while the store does not even open.
class UnknownCommitTest : public StoreFaultTest {
 protected:
  TestGroup& lose_sight(Next end) {
    storage.end_next({end});
    storage.set_held(true);
    auto& group = world.submit({{.to = {chat.door()}}});
    world.turn();
    storage.set_held(false);
    storage.set_down(true);
    storage.finish();
    world.turn();
    return group;
  }
  void find_again() {
    world.pass(seconds(12));
    EXPECT_FALSE(world.append({.to = {chat.door()}}).committed());
    storage.set_down(false);
    world.pass(seconds(6));
  }
};

TEST_F(UnknownCommitTest, TellsTheCallerAtOnceThatNothingIsPromised) {
  auto& group = lose_sight(Next::kUnknownDone);
  EXPECT_EQ(group.answers, 1);
  EXPECT_FALSE(group.committed());
}

TEST_F(UnknownCommitTest, DeliversWhatTurnsOutToBeThere) {
  auto& group = lose_sight(Next::kUnknownDone);
  find_again();
  EXPECT_EQ(group.answers, 1);
  EXPECT_EQ(storage.notifications(), 1U);
  ASSERT_EQ(chat.output->seen.size(), 1U);
  chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 1U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32));
}

TEST_F(UnknownCommitTest, ForgetsWhatTurnsOutToBeLost) {
  auto& group = lose_sight(Next::kUnknownLost);
  find_again();
  EXPECT_EQ(group.answers, 1);
  EXPECT_EQ(storage.notifications(), 0U);
  EXPECT_EQ(chat.output->seen.size(), 0U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32));
}

TEST_F(UnknownCommitTest, KeepsAVerdictOfThatBatchUntilItCanBeWritten) {
  auto& before = world.append({.to = {chat.door()}});
  storage.end_next({Next::kUnknownLost});
  storage.set_held(true);
  chat.output->complete();
  world.turn();
  storage.set_held(false);
  storage.set_down(true);
  storage.finish();
  find_again();
  EXPECT_EQ(storage.row(before.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(chat.output->seen.size(), 1U);
}

TEST_F(StoreFaultTest, GoesOnWithItsClaimsWhenTheStoreIsOpenedAgain) {
  auto& before = world.append({.to = {chat.door()}});
  storage.end_next({Next::kUnknownLost});
  chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.row(before.delivery()).state, DeliveryState::kDelivered);
  storage.end_next({Next::kUnknownDone});
  auto& after = world.append({.to = {chat.door()}});
  storage.end_next({Next::kUnknownDone});
  chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.row(after.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(chat.output->seen.size(), 2U);
  EXPECT_EQ(chat.lane->held(), 0U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32));
}

TEST_F(StoreFaultTest, GivesBackClaimsThatMayHaveBeenDone) {
  for (const Next end : {Next::kUnknownDone, Next::kUnknownLost}) {
    auto& group =
        world.append({.to = {chat.door()}, .deliver_at = world.clock.wall() + seconds(3)});
    const std::size_t seen = chat.output->seen.size();
    world.advance(seconds(2));
    storage.end_next({end});
    world.pass(seconds(3));
    EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kClaimed);
    EXPECT_EQ(chat.output->seen.size(), seen + 1);
  }
  while (!chat.output->open.empty()) chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32));
}

TEST_F(StoreFaultTest, CountsAClaimThatFailsAndTriesItAgain) {
  chat.output->script = [](const auto&) { return delivered(); };
  auto& group = world.append({.to = {chat.door()}, .deliver_at = world.clock.wall() + seconds(3)});
  world.advance(seconds(2));
  storage.end_next({Next::kFail});
  world.advance(seconds(1));
  EXPECT_EQ(world.metric("\ntocsin_outbox_claims_failed_total"), 1);
  world.pass(seconds(10));
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(world.metric("\ntocsin_outbox_claims_failed_total"), 1);
}

TEST_F(StoreFaultTest, RepeatsUnderTheSameIdWhatWasUnderWayWhenItsEpochEnded) {
  storage.set_forgetful(true);
  auto& before = world.append({.to = {chat.door()}});
  ASSERT_EQ(chat.output->open.size(), 1U);
  storage.end_next({Next::kUnknownDone});
  world.append({.to = {chat.door()}});
  world.turn();
  // The old epoch's claims were taken over; the verdict of the first attempt is not ours to settle.
  chat.output->complete(Verdict{.kind = VerdictKind::kRejected});
  world.turn();
  EXPECT_NE(storage.row(before.delivery()).state, DeliveryState::kDead);
  EXPECT_EQ(world.metric("\ntocsin_outbox_claims_taken_over_total"), 2);
  while (!chat.output->open.empty()) chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
  EXPECT_EQ(chat.output->seen.size(), 3U);
  EXPECT_EQ(chat.lane->held(), 0U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32));
}

TEST_F(StoreFaultTest, StopsWithAStoreThatIsDown) {
  world.append({.to = {chat.door()}});
  storage.set_down(true);
  chat.output->complete();
  world.turn();
  world.stop();
  EXPECT_EQ(chat.lane->held(), 0U);
  EXPECT_EQ(storage.count(DeliveryState::kClaimed), 1U);
}

}  // namespace
}  // namespace tocsin::delivery::testing
