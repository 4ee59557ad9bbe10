// How deliveries come from appends to lanes: from memory while there are credits, else through the
// store, in order either way.
#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using message::Level;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

LanePolicy narrow(std::uint32_t concurrency) {
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = concurrency;
  return policy;
}

class HandOffTest : public ::testing::Test {
 protected:
  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& slow = world.add_lane("slow", narrow(4));  // holds eight, two for critical

  void submit(int count, Level level = Level::kInfo) {
    for (int i = 0; i < count; ++i) world.submit({{.to = {slow.door()}, .level = level}});
  }
  std::vector<message::DeliveryId> order() const {
    std::vector<message::DeliveryId> ids;
    for (const auto& seen : slow.output->seen) ids.push_back(seen.delivery);
    return ids;
  }
  void deliver_all() {
    slow.output->script = [](const auto&) { return delivered(); };
    while (!slow.output->open.empty()) slow.output->complete();
    world.turn();
  }
};

TEST_F(HandOffTest, HandsOverFromMemoryWithoutReadingTheStore) {
  deliver_all();
  const std::uint64_t claims = storage.claims();
  for (int i = 0; i < 100; ++i) world.append({.to = {slow.door()}});
  EXPECT_EQ(slow.output->seen.size(), 100U);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 100U);
  EXPECT_EQ(storage.claims(), claims);
}

TEST_F(HandOffTest, SpillsWithoutCreditAndIsDirectAgainInOrder) {
  submit(50);
  world.turn();
  EXPECT_EQ(slow.lane->held(), 6U);
  EXPECT_EQ(storage.count(DeliveryState::kReady), 44U);
  EXPECT_TRUE(slow.door()->spilled());
  deliver_all();
  world.turn(40);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 50U);
  EXPECT_FALSE(slow.door()->spilled());
  const std::uint64_t claims = storage.claims();
  submit(1);
  world.turn();
  EXPECT_EQ(slow.output->seen.size(), 51U);
  EXPECT_EQ(storage.claims(), claims);
  EXPECT_TRUE(std::ranges::is_sorted(order()));
}

TEST_F(HandOffTest, WritesReadyWhileItIsSpilledThoughThereIsCredit) {
  submit(50);
  world.turn();
  slow.output->complete();
  submit(1);  // now there may be a credit, but older rows wait
  world.turn();
  EXPECT_EQ(storage.row(world.groups.back()->delivery()).state, DeliveryState::kReady);
  deliver_all();
  world.turn(40);
  EXPECT_TRUE(std::ranges::is_sorted(order()));
}

TEST_F(HandOffTest, KeepsOrderAndMemoryOverAHundredThousand) {
  slow.output->script = nullptr;
  std::size_t held_max = 0;
  std::vector<std::unique_ptr<TestGroup>> finished;
  for (int i = 0; i < 100; ++i) {
    world.submit(std::vector<Note>(1000, Note{.to = {slow.door()}}));
    world.turn(2);
    held_max = std::max<std::size_t>(held_max, slow.lane->held());
    while (!slow.output->open.empty()) slow.output->complete();
  }
  world.groups.erase(world.groups.begin(), world.groups.end() - 1);
  const BlockPool::Stats with_backlog = world.pool.stats();
  EXPECT_GT(storage.count(DeliveryState::kReady), 90'000U);
  EXPECT_LT(with_backlog.outstanding, 2500U);  // the last request's and the lane's
  slow.output->script = [&](const auto&) {
    held_max = std::max<std::size_t>(held_max, slow.lane->held());
    return delivered();
  };
  while (storage.count(DeliveryState::kDelivered) < 100'000) {
    while (!slow.output->open.empty()) slow.output->complete();
    world.turn(2000);
  }
  EXPECT_LE(held_max, 8U);
  EXPECT_TRUE(std::ranges::is_sorted(order()));
  EXPECT_EQ(slow.output->seen.size(), 100'000U);
}

TEST_F(HandOffTest, LetsACriticalOnePassTheQueueOnReservedCredit) {
  submit(1000);
  world.turn();
  ASSERT_TRUE(slow.door()->spilled());
  submit(1, Level::kCritical);
  world.turn();
  EXPECT_EQ(storage.row(world.groups.back()->delivery()).state, DeliveryState::kClaimed);
  slow.output->complete();
  world.turn();
  EXPECT_EQ(slow.output->seen.back().level, Level::kCritical);
}

TEST_F(HandOffTest, OrdersByThePriorityThatARouteGaveNotByTheLevel) {
  auto& chat = world.add_lane("chat", narrow(50));  // holds a hundred
  chat.lane->attach(nullptr);
  std::vector<message::DeliveryId> urgent;
  for (int i = 0; i < 12; ++i) {
    const bool is_urgent = i % 2 == 1;
    auto& group = world.append({.to = {chat.door()},
                                .level = is_urgent ? Level::kInfo : Level::kEmergency,
                                .priority = is_urgent ? message::DeliveryClass::kCritical
                                                      : message::DeliveryClass::kNormal});
    if (is_urgent) urgent.push_back(group.delivery());
  }
  chat.output->script = [](const auto&) { return delivered(); };
  chat.lane->attach(chat.output.get());
  world.turn();
  ASSERT_EQ(chat.output->seen.size(), 12U);
  std::vector<message::DeliveryId> first;
  for (std::size_t i = 0; i < urgent.size(); ++i) {
    first.push_back(chat.output->seen[i].delivery);
  }
  EXPECT_EQ(first, urgent);
}

TEST_F(HandOffTest, GivesTheRestAShareOfAttemptsBesideCriticalOnes) {
  auto& wide = world.add_lane("wide", narrow(50));  // holds a hundred
  wide.lane->attach(nullptr);
  for (int i = 0; i < 80; ++i) {
    world.submit({{.to = {wide.door()}, .level = i % 4 == 0 ? Level::kInfo : Level::kEmergency}});
  }
  world.turn();
  wide.output->script = [](const auto&) { return delivered(); };
  wide.lane->attach(wide.output.get());
  world.turn();
  ASSERT_EQ(wide.output->seen.size(), 80U);
  int critical_in_a_row = 0;
  int longest = 0;
  for (const auto& seen : std::span(wide.output->seen).first(60)) {
    critical_in_a_row = seen.level == Level::kInfo ? 0 : critical_in_a_row + 1;
    longest = std::max(longest, critical_in_a_row);
  }
  EXPECT_EQ(longest, 8);
}

TEST_F(HandOffTest, GivesTheRestAShareOfMemoryBesideABacklogOfCriticalOnes) {
  submit(100, Level::kCritical);
  submit(10);
  world.turn();
  EXPECT_EQ(storage.row(world.groups.back()->delivery()).state, DeliveryState::kReady);
  slow.output->script = [](const auto&) { return delivered(); };
  while (!slow.output->open.empty()) slow.output->complete();
  world.turn(60);
  std::size_t first = 0;
  while (slow.output->seen[first].level != Level::kInfo) ++first;
  EXPECT_LT(first, 50U);
}

TEST_F(HandOffTest, KeepsWhatIsForLaterInTheStoreUntilItIsDue) {
  deliver_all();
  world.submit({{.to = {slow.door()}, .deliver_at = world.clock.wall() + minutes(30)}});
  submit(1);
  world.turn();
  EXPECT_EQ(slow.output->seen.size(), 1U);
  EXPECT_FALSE(slow.door()->spilled());
  world.pass(minutes(30) - seconds(1), seconds(5));
  EXPECT_EQ(slow.output->seen.size(), 1U);
  world.pass(seconds(1));
  EXPECT_EQ(slow.output->seen.size(), 2U);
}

TEST_F(HandOffTest, DoesNotStallWhenTheWallClockIsSetBack) {
  submit(50);
  world.turn();
  world.clock.step_wall(-hours(1));
  submit(5);
  deliver_all();
  world.turn(40);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 55U);
  EXPECT_TRUE(std::ranges::is_sorted(order()));
}

TEST_F(HandOffTest, TakesOverWhatACrashedGatewayLeft) {
  submit(20);
  world.turn();
  // The other one never closed the store and never let go of its claims.
  storage.close();
  ASSERT_EQ(storage.count(DeliveryState::kClaimed), 6U);
  World second(storage);
  auto& lane = second.add_lane("slow", narrow(4));
  lane.output->script = [](const auto&) { return delivered(); };
  while (!lane.output->open.empty()) lane.output->complete();
  second.turn(40);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 20U);
  EXPECT_EQ(lane.output->seen.size(), 20U);
  EXPECT_TRUE(std::ranges::is_sorted(lane.output->seen, {}, &FakeOutput::Seen::delivery));
  // What the first one still settles changes nothing.
  while (!slow.output->open.empty()) slow.output->complete({.kind = VerdictKind::kRejected});
  world.turn();
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 20U);
}

TEST_F(HandOffTest, BuriesWhatItCannotReadBack) {
  storage.set_held(false);
  submit(10);
  world.turn();
  const auto broken = world.groups[8]->delivery();
  ASSERT_EQ(storage.row(broken).state, DeliveryState::kReady);
  storage.set_payload(broken.notification, "{\"topic\":");
  deliver_all();
  world.turn(40);
  EXPECT_EQ(storage.row(broken).state, DeliveryState::kDead);
  EXPECT_NE(storage.row(broken).reason.find("cannot be read"), std::string::npos);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 9U);
}

TEST_F(HandOffTest, BuriesWhatCrashedTheGatewayThreeTimes) {
  auto& group = world.append({.to = {slow.door()}, .deliver_at = world.clock.wall() + seconds(5)});
  storage.meddle(group.delivery(), [](FakeStorage::Row& row) { row.crashes = 3; });
  world.pass(seconds(6));
  EXPECT_EQ(storage.row(group.delivery()).reason, "crashed_gateway");
  EXPECT_TRUE(slow.output->seen.empty());
}

TEST_F(HandOffTest, CountsACrashInTheStoreBeforeItClaims) {
  for (const auto next :
       {FakeStorage::Next::kCommit, FakeStorage::Next::kFail, FakeStorage::Next::kUnknownDone}) {
    FakeStorage store;
    World first(store);
    auto& lane = first.add_lane("slow", narrow(4));
    const auto blamed = first.append({.to = {lane.door()}}).delivery();
    const auto innocent = first.append({.to = {lane.door()}}).delivery();
    store.close();
    store.end_next({next});
    World second(store, {.blamed = {blamed, {{12345}, 6}}});
    auto& taken_over = second.add_lane("slow", narrow(4));
    taken_over.output->script = [&](const auto& attempt) {
      EXPECT_EQ(store.row(attempt.delivery).crashes, attempt.delivery == blamed ? 1U : 0U);
      return delivered();
    };
    second.pass(seconds(20));
    EXPECT_EQ(store.row(blamed).state, DeliveryState::kDelivered);
    EXPECT_EQ(store.row(blamed).crashes, 1U);
    EXPECT_EQ(store.row(innocent).state, DeliveryState::kDelivered);
    second.log.flush(seconds(10));
    EXPECT_NE(second.logged->text().find("a delivery was in its output's hands"),
              std::string::npos);
    while (!lane.output->open.empty()) lane.output->complete();
    first.turn();
  }
}

TEST_F(HandOffTest, BuriesTheThirdCrashWithoutAnAttempt) {
  const auto id = world.append({.to = {slow.door()}}).delivery();
  storage.meddle(id, [](FakeStorage::Row& row) { row.crashes = 2; });
  storage.close();
  World second(storage, {.blamed = {id}});
  auto& lane = second.add_lane("slow", narrow(4));
  second.turn(40);
  EXPECT_EQ(storage.row(id).reason, "crashed_gateway");
  EXPECT_TRUE(lane.output->seen.empty());
  deliver_all();
}

TEST_F(HandOffTest, CountsTheBacklogOfALane) {
  submit(50);
  world.turn();
  EXPECT_EQ(slow.door()->backlog(), 44U);
  deliver_all();
  world.turn(40);
  EXPECT_EQ(slow.door()->backlog(), 0U);
}

TEST_F(HandOffTest, KeepsRowsOfAClosedLaneInTheStore) {
  submit(50);
  world.turn();
  bool done = false;
  slow.lane->drain(seconds(5), [&] { done = true; });
  world.turn();
  submit(1);
  world.turn();
  EXPECT_FALSE(done);  // four attempts run
  while (!slow.output->open.empty()) slow.output->complete();
  world.turn();
  EXPECT_TRUE(done);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 4U);
  EXPECT_EQ(storage.count(DeliveryState::kReady), 47U);
  EXPECT_EQ(slow.lane->held(), 0U);
  std::erase_if(world.lanes, [](const auto&) { return true; });
}

TEST_F(HandOffTest, GivesBackWhatItHeldInThePlaceItHad) {
  for (int i = 0; i < 30; ++i) {
    submit(1);
    world.advance(milliseconds(1));
  }
  while (!slow.output->open.empty()) slow.output->complete();
  world.turn();  // those that follow were claimed
  ASSERT_GT(slow.lane->held(), 4U);
  slow.lane->drain(seconds(5), [] {});
  world.pass(seconds(6));
  ASSERT_EQ(storage.count(DeliveryState::kReady), 26U);
  WallTime before{};
  for (const auto& [id, row] : storage.rows()) {
    if (row.state != DeliveryState::kReady) continue;
    EXPECT_GT(row.next_at, before) << "of " << id.text();
    before = row.next_at;
  }
  std::erase_if(world.lanes, [](const auto&) { return true; });
}

TEST_F(HandOffTest, CutsAttemptsThatOutliveTheGrace) {
  submit(6);
  world.turn();
  bool done = false;
  slow.lane->drain(seconds(5), [&] { done = true; });
  world.pass(seconds(6));
  EXPECT_TRUE(done);
  EXPECT_EQ(slow.output->cancelled.size(), 4U);
  EXPECT_EQ(storage.count(DeliveryState::kReady), 6U);
  for (const auto& [id, row] : storage.rows()) EXPECT_EQ(row.attempts, 0U);
  std::erase_if(world.lanes, [](const auto&) { return true; });
}

TEST_F(HandOffTest, HoldsACutAttemptWhereARepetitionWouldBeHeard) {
  auto& sms = world.add_lane("sms", narrow(4), false);
  auto& group = world.append({.to = {sms.door()}});
  bool done = false;
  sms.lane->drain(seconds(5), [&] { done = true; });
  world.pass(seconds(6));
  EXPECT_TRUE(done);
  EXPECT_EQ(storage.row(group.delivery()).reason, "ambiguous: the gateway stopped");
  std::erase_if(world.lanes, [&](const auto& one) { return one.get() == &sms; });
}

}  // namespace
}  // namespace tocsin::delivery::testing
