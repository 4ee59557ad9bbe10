#include "gateway/delivery/outbox_front.h"

#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Kind = stage::OperationKind;

std::size_t count(const std::vector<Kind>& batch, Kind kind) {
  return static_cast<std::size_t>(std::ranges::count(batch, kind));
}

class OutboxFrontTest : public ::testing::Test {
 protected:
  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& chat = world.add_lane("chat");

  /// The committed batches that hold appends, since the world was made.
  std::vector<std::vector<Kind>> append_batches() {
    auto batches = storage.batches();
    std::erase_if(batches, [](const auto& batch) { return count(batch, Kind::kAppend) == 0; });
    return batches;
  }
};

TEST_F(OutboxFrontTest, CommitsWhatOneTickSubmittedAsOneBatch) {
  for (int i = 0; i < 100; ++i) world.submit({{.to = {chat.door()}}});
  world.turn();
  ASSERT_EQ(append_batches().size(), 1U);
  EXPECT_EQ(count(append_batches()[0], Kind::kAppend), 100U);
  for (const auto& group : world.groups) {
    EXPECT_EQ(group->answers, 1);
    EXPECT_TRUE(group->committed());
    EXPECT_TRUE(group->id());
  }
}

TEST_F(OutboxFrontTest, GathersWhatComesWhileABatchIsUnderWay) {
  storage.set_held(true);
  world.append({.to = {chat.door()}});
  ASSERT_TRUE(storage.has_batch());
  for (int i = 0; i < 5; ++i) world.append({.to = {chat.door()}});
  storage.finish();
  world.turn();
  ASSERT_TRUE(storage.has_batch());
  storage.finish();
  world.turn();
  ASSERT_EQ(append_batches().size(), 2U);
  EXPECT_EQ(count(append_batches()[0], Kind::kAppend), 1U);
  EXPECT_EQ(count(append_batches()[1], Kind::kAppend), 5U);
  storage.set_held(false);
  while (storage.has_batch()) storage.finish();
  world.turn();
}

TEST_F(OutboxFrontTest, PutsAtMost512OperationsIntoABatch) {
  for (int i = 0; i < 1200; ++i) world.submit({{.to = {chat.door()}}});
  world.turn();
  std::size_t appends = 0;
  for (const auto& batch : append_batches()) {
    EXPECT_LE(count(batch, Kind::kAppend), Batch::kOperationsMax);
    appends += count(batch, Kind::kAppend);
  }
  EXPECT_EQ(appends, 1200U);
}

TEST_F(OutboxFrontTest, PutsAtMostAMebibyteOfPayloadIntoABatch) {
  const std::string text(300'000, 'x');
  for (int i = 0; i < 7; ++i) world.submit({{.to = {chat.door()}, .text = text}});
  world.turn();
  ASSERT_EQ(append_batches().size(), 3U);
  EXPECT_EQ(count(append_batches()[0], Kind::kAppend), 3U);
}

TEST_F(OutboxFrontTest, NeverSplitsAGroupEvenOneGreaterThanABatch) {
  world.submit({{.to = {chat.door()}}});
  world.submit(std::vector<Note>(1000, Note{.to = {chat.door()}}));
  world.submit({{.to = {chat.door()}}});
  world.turn();
  ASSERT_EQ(append_batches().size(), 3U);
  EXPECT_EQ(count(append_batches()[0], Kind::kAppend), 1U);
  EXPECT_EQ(count(append_batches()[1], Kind::kAppend), 1000U);
}

TEST_F(OutboxFrontTest, SaysFullAtOnceAndHasRoomAgainLater) {
  storage.set_held(true);
  world.append({.to = {chat.door()}});
  for (int i = 0; i < 8; ++i) {
    world.submit(std::vector<Note>(1000, Note{.to = {chat.door()}}));
  }
  EXPECT_FALSE(world.port->reserve(1000, 0));
  EXPECT_TRUE(world.port->reserve(192, 0));
  EXPECT_FALSE(world.port->reserve(1, 0));
  world.front.room().release(192, 0);
  storage.set_held(false);
  storage.finish();
  world.turn(40);
  EXPECT_TRUE(world.port->reserve(1000, 0));
  world.front.room().release(1000, 0);
}

TEST_F(OutboxFrontTest, SaysFullWhenTooManyBytesWait) {
  ASSERT_TRUE(world.port->reserve(1, WaitingRoom::kBytesMax));
  EXPECT_FALSE(world.port->reserve(1, 1));
  world.front.room().release(1, WaitingRoom::kBytesMax);
}

TEST_F(OutboxFrontTest, GivesAscendingIdsInTheOrderOfArrivalOverAStepBack) {
  std::vector<message::NotificationId> ids;
  for (int i = 0; i < 50; ++i) {
    if (i == 20) world.clock.step_wall(-hours(2));
    ids.push_back(world.append({.to = {chat.door()}}).id());
  }
  EXPECT_TRUE(std::ranges::is_sorted(ids, std::less_equal<>()));
}

TEST_F(OutboxFrontTest, GivesNoIdAboveTheMarkInTheStore) {
  // The last renewal promised ten seconds; a clock that jumps takes the mark along.
  world.clock.step_wall(hours(1));
  const auto id = world.append({.to = {chat.door()}}).id();
  EXPECT_EQ(append_batches()[0][0], Kind::kRenew);
  storage.close();
  const auto state = storage.open(world.clock.wall(), {});
  ASSERT_TRUE(state);
  EXPECT_GE(state->high_mark, id);
}

TEST_F(OutboxFrontTest, SettlesBeforeItAppends) {
  storage.set_held(true);
  chat.output->script = [](const auto&) { return delivered(); };
  world.append({.to = {chat.door()}});
  storage.finish();  // handed over, delivered, and the settlement is submitted with the next append
  world.submit({{.to = {chat.door()}}});
  world.worker.run_ready();
  world.turn();
  storage.set_held(false);
  while (storage.has_batch()) storage.finish();
  world.turn();
  bool together = false;
  for (const auto& batch : storage.batches()) {
    const auto settle = std::ranges::find(batch, Kind::kSettle);
    const auto append = std::ranges::find(batch, Kind::kAppend);
    if (settle == batch.end() || append == batch.end()) continue;
    together = true;
    EXPECT_LT(settle, append);
  }
  EXPECT_TRUE(together);
}

TEST_F(OutboxFrontTest, RenewsItsLeaseEveryFiveSeconds) {
  const auto renewals = [&] {
    std::size_t sum = 0;
    for (const auto& batch : storage.batches()) sum += count(batch, Kind::kRenew);
    return sum;
  };
  const std::size_t before = renewals();
  world.pass(seconds(30));
  EXPECT_EQ(renewals() - before, 6U);
  EXPECT_TRUE(world.port->status().may_attempt(world.clock.mono()));
  world.clock.advance(StoreStatus::kLease / 2);
  EXPECT_FALSE(world.port->status().may_attempt(world.clock.mono()));
}

TEST_F(OutboxFrontTest, DeletesHistoryInStepsAndKeepsDeadLetters) {
  chat.output->script = [](const stage::Attempt& attempt) {
    return attempt.address == "bad" ? Verdict{.kind = VerdictKind::kRejected} : delivered();
  };
  for (int i = 0; i < 600; ++i) world.submit({{.to = {chat.door()}}});
  world.submit({{.to = {chat.door()}, .address = "bad"}});
  world.turn(40);
  ASSERT_EQ(storage.count(DeliveryState::kDelivered), 600U);
  world.clock.advance(hours(25));
  world.pass(seconds(3), std::chrono::milliseconds(100));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 0U);
  EXPECT_EQ(storage.count(DeliveryState::kDead), 1U);
}

TEST_F(OutboxFrontTest, CancelsWhatIsReadyAndTellsLanesOfTheRest) {
  chat.lane->attach(nullptr);  // nothing is begun
  auto& group = world.append({.to = {chat.door()}, .caller = "shop"});
  auto& later = world.append(
      {.to = {chat.door()}, .deliver_at = world.clock.wall() + hours(1), .caller = "shop"});
  TestCancel mine, foreign, waiting;
  foreign.op.id = mine.op.id = group.id();
  waiting.op.id = later.id();
  mine.op.caller = waiting.op.caller = "shop";
  foreign.op.caller = "other";
  for (TestCancel* one : {&foreign, &mine, &waiting}) world.port->submit(*one);
  world.turn();
  EXPECT_FALSE(foreign.op.found);
  EXPECT_EQ(mine.op.in_flight, 1U);
  EXPECT_EQ(waiting.op.cancelled, 1U);
  EXPECT_EQ(storage.count(DeliveryState::kCancelled), 2U);
  EXPECT_TRUE(chat.output->seen.empty());
}

TEST_F(OutboxFrontTest, CommitsWhatWaitsWhenItIsStopped) {
  storage.set_held(true);
  world.append({.to = {chat.door()}});
  auto& waits = world.append({.to = {chat.door()}});
  bool stopped = false;
  world.store_loop.post([&] { world.front.stop([&] { stopped = true; }); });
  world.turn();
  EXPECT_FALSE(stopped);
  storage.set_held(false);
  storage.finish();
  world.turn();
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(waits.committed());
  EXPECT_EQ(storage.notifications(), 2U);
  EXPECT_FALSE(storage.is_open());
  world.drain_lanes();
  world.stopped = true;
}

TEST_F(OutboxFrontTest, AnswersEverythingAsNotCommittedOnceStopped) {
  world.stop();
  EXPECT_FALSE(storage.is_open());
  TestGroup group;
  group.add(world.pool, world.clock, {.to = {chat.door()}});
  ASSERT_TRUE(world.port->reserve(1, group.bytes));
  TestCancel cancel;
  world.port->submit(group);
  world.port->submit(cancel);
  world.turn();
  EXPECT_EQ(group.answers, 1);
  EXPECT_FALSE(group.committed());
  EXPECT_EQ(cancel.answers, 1);
}

}  // namespace
}  // namespace tocsin::delivery::testing
