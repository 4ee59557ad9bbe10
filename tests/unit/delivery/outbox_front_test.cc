#include "gateway/delivery/outbox_front.h"

#include <gtest/gtest.h>

#include <deque>

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

TEST_F(OutboxFrontTest, LeavesRoomForAppendsHoweverMuchThereIsToSettle) {
  storage.set_held(true);
  world.append({.to = {chat.door()}});  // under way while the rest comes
  std::deque<TestCancel> settling(2 * Batch::kOperationsMax);
  for (TestCancel& one : settling) world.port->submit(one);
  auto& group = world.submit(std::vector<Note>(1000, Note{.to = {chat.door()}}));
  world.turn();
  storage.finish();
  world.turn();
  storage.finish();  // the next batch
  world.turn();
  EXPECT_TRUE(group.committed());
  const auto done = std::ranges::count_if(settling, [](const auto& one) { return one.answers; });
  EXPECT_EQ(done, Batch::kOperationsMax - Batch::kAppendShare);
  storage.set_held(false);
  while (storage.has_batch()) storage.finish();
  world.turn(40);
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

// ---- successors

class SuccessorTest : public OutboxFrontTest {
 protected:
  class Fallback final : public SettleRequest {
   public:
    void on_answered() override { ++answers; }
    int answers = 0;
  };
  /// Lets the delivery that is under way in `chat` fall back to `mail`.
  void fall_back(const TestGroup& group) {
    fallback.op.id = group.delivery();
    fallback.queue = group.rows[0].queue;
    fallback.op.state = DeliveryState::kFellBack;
    fallback.successor_output = "mail";
    fallback.successor_address = "email:a@b.example";
    fallback.door = chat.door();
    fallback.generation = world.port->status().generation;
    fallback.holds_credit = false;
    world.port->submit(fallback);
    world.turn();
  }
  World::LaneAndOutput& mail = world.add_lane("mail");
  Fallback fallback;
};

TEST_F(SuccessorTest, IsDeliveredByTheLaneOfItsOwnOutput) {
  auto& group = world.append({.to = {chat.door()}, .level = message::Level::kCritical});
  fall_back(group);
  EXPECT_TRUE(fallback.ours());
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kFellBack);
  ASSERT_EQ(mail.output->seen.size(), 1U);
  EXPECT_EQ(mail.output->seen[0].delivery, group.delivery(fallback.op.successor_ordinal));
  EXPECT_EQ(mail.output->seen[0].address, "email:a@b.example");
  EXPECT_EQ(mail.output->seen[0].number, 1U);
  mail.output->complete();
  world.turn();
  EXPECT_EQ(storage.row(group.delivery(1)).state, DeliveryState::kDelivered);
}

TEST_F(SuccessorTest, IsNotAddedForAClaimThatWasLost) {
  auto& group = world.append({.to = {chat.door()}});
  storage.meddle(group.delivery(), [](FakeStorage::Row& row) { row.owner = 99; });
  fall_back(group);
  EXPECT_FALSE(fallback.ours());
  EXPECT_EQ(storage.rows().size(), 1U);
}

TEST_F(SuccessorTest, IsFoundWhenItsCommitHadAnUnknownOutcome) {
  auto& group = world.append({.to = {chat.door()}});
  storage.end_next({FakeStorage::Next::kUnknownDone});
  fall_back(group);
  world.pass(seconds(6));
  EXPECT_EQ(fallback.answers, 1);
  EXPECT_EQ(storage.rows().size(), 2U) << "once";
  EXPECT_EQ(mail.output->seen.size(), 1U);
}

// ---- history

TEST(HistorySize, MakesSettledRowsGoEarlyInQuickSteps) {
  FakeStorage storage;
  World world(storage, {.history = {.size_max = 700 * FakeStorage::kRowBytes}});
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const auto&) { return delivered(); };
  for (int i = 0; i < 2000; ++i) world.append({.to = {chat.door()}});
  ASSERT_EQ(storage.count(DeliveryState::kDelivered), 2000U);
  world.advance(OutboxFront::kPurgeEvery);
  EXPECT_EQ(storage.rows().size(), 1500U);
  world.advance(OutboxFront::kPurgeHurry);
  EXPECT_EQ(storage.rows().size(), 1000U);
  world.advance(OutboxFront::kPurgeHurry);
  EXPECT_EQ(storage.rows().size(), 500U);
  world.pass(seconds(5));
  EXPECT_EQ(storage.rows().size(), 500U) << "it holds what it may";
  world.store_loop.post([&] { world.front.set_history({.size_max = 1}); });
  world.turn();
  EXPECT_TRUE(storage.rows().empty()) << "at once, as a reload said";
}

// ---- the secret of idempotency keys

class KeySecretTest : public ::testing::Test {
 protected:
  /// A front on the storage, whose process would make its secret of `word`.
  struct Process {
    Process(FakeStorage& storage, std::uint64_t word)
        : front(loop, storage, metrics, log, {.fresh_secret = {{word, word}, {word, word}}}) {}
    ManualClock clock;
    event::Loop loop{{"store", &clock, 0}};
    telemetry::Metrics metrics{1};
    telemetry::ShardClaim claim{metrics, 0};
    telemetry::Log log{
        std::make_unique<telemetry::TestSink>(std::make_shared<telemetry::SinkState>()), {}, clock};
    OutboxFront front;
  };
  std::uint64_t secret_of(std::uint64_t word) {
    Process process(storage, word);
    EXPECT_TRUE(process.front.open());
    return process.front.key_secret().high.first;
  }
  FakeStorage storage;
};

TEST_F(KeySecretTest, IsMadeOnceAndStaysWithTheStore) {
  storage.forget_records();
  EXPECT_EQ(secret_of(7), 7U);
  EXPECT_EQ(secret_of(8), 7U);
}

TEST_F(KeySecretTest, IsCommittedWithAMarkAboveItsVersion) {
  storage.forget_records();
  secret_of(7);
  ASSERT_EQ(storage.batches().size(), 1U);
  EXPECT_EQ(storage.batches()[0], (std::vector{Kind::kRenew, Kind::kRecord}));
}

TEST_F(KeySecretTest, IsWaitedForWhenTheStorageDoesNotBlock) {
  storage.forget_records();
  storage.set_held(true);
  Process process(storage, 7);
  process.loop.post([&] { storage.finish(); });
  EXPECT_TRUE(process.front.open());
  EXPECT_EQ(process.front.key_secret().low.second, 7U);
}

TEST_F(KeySecretTest, ThatIsDamagedOrCannotBeKeptIsNoReasonToGoOn) {
  storage.forget_records();
  storage.end_next({FakeStorage::Next::kFail});
  EXPECT_EQ(Process(storage, 7).front.open().error().code, Code::kIo);
  storage.set_record(kOwnCollection, kKeySecretKey, "short");
  EXPECT_EQ(Process(storage, 7).front.open().error().code, Code::kInvalid);
}

}  // namespace
}  // namespace tocsin::delivery::testing
