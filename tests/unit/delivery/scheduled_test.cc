// What waits for its time, gets another one, or is superseded before it comes.
#include <gtest/gtest.h>

#include "gateway/delivery/outbox_ledger.h"
#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class Scheduled : public ::testing::Test {
 protected:
  TestGroup& append(Note note, std::string_view key, bool supersede = false) {
    TestGroup& group = *world.groups.emplace_back(std::make_unique<TestGroup>());
    group.add(world.pool, world.clock, note);
    group.items[0].append.group_key = key;
    if (supersede) group.items[0].supersede.emplace().group_key = key;
    TOCSIN_ASSERT(world.port->reserve(1, group.bytes), "the waiting room is full");
    world.port->submit(group);
    world.turn();
    return group;
  }
  Note later(Duration wait) {
    return {.to = {mail.door()}, .deliver_at = world.clock.wall() + wait};
  }
  stage::Reschedule reschedule(message::NotificationId id, WallTime at) {
    std::optional<stage::Reschedule> answer;
    ledger.reschedule(id, "", at, [&](Result<stage::Reschedule> told) { answer = *told; });
    world.turn();
    return answer.value();
  }

  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& mail = world.add_lane("mail");
  event::OffloadPool pool{1, 2};
  OutboxLedger ledger{*world.port, storage, pool};
};

TEST_F(Scheduled, IsDeliveredWhenItIsDueAndCostsNoMemoryUntilThen) {
  for (int i = 0; i < 1000; ++i) world.submit({later(minutes(10))});
  world.turn();
  EXPECT_EQ(mail.lane->held(), 0U);
  world.pass(minutes(10) - seconds(1));
  EXPECT_EQ(mail.output->seen.size(), 0U);
  mail.output->script = [](const auto&) { return delivered(); };
  world.pass(seconds(2), std::chrono::milliseconds(100));
  EXPECT_EQ(mail.output->seen.size(), 1000U);
}

TEST_F(Scheduled, EarlierOnesOfItsKeyAreSupersededInTheSameBatch) {
  TestGroup& first = append(later(minutes(1)), "k");
  TestGroup& other = append(later(minutes(1)), "other");
  const std::size_t before = storage.batches().size();
  TestGroup& second = append(later(minutes(2)), "k", true);
  const auto batches = storage.batches();
  EXPECT_NE(std::ranges::find(batches.at(before), stage::OperationKind::kSupersede),
            batches.at(before).end());
  EXPECT_EQ(storage.row(first.delivery()).state, DeliveryState::kCancelled);
  EXPECT_EQ(storage.row(other.delivery()).state, DeliveryState::kReady);
  EXPECT_EQ(storage.row(second.delivery()).state, DeliveryState::kReady);
}

TEST_F(Scheduled, WhatALaneHoldsIsSupersededUnlessItHasBegun) {
  World::LaneAndOutput& slow = world.add_lane("slow", [] {
    LanePolicy policy = LanePolicy::standard();
    policy.concurrency = 1;
    return policy;
  }());
  TestGroup& begun = append({.to = {slow.door()}}, "k");
  TestGroup& waiting = append({.to = {slow.door()}}, "k");
  append(later(minutes(2)), "k", true);
  EXPECT_EQ(storage.row(waiting.delivery()).state, DeliveryState::kCancelled);
  EXPECT_EQ(storage.row(begun.delivery()).state, DeliveryState::kClaimed);
  slow.output->complete(retry());
  world.turn();
  EXPECT_EQ(storage.row(begun.delivery()).state, DeliveryState::kCancelled);
}

TEST_F(Scheduled, SupersedingManyGoesOnBatchAfterBatch) {
  constexpr std::size_t kMany = 2 * stage::kSupersedeRowsMax + 10;
  for (std::size_t i = 0; i < kMany; ++i) append(later(minutes(1)), "k");
  append(later(minutes(2)), "k", true);
  EXPECT_EQ(storage.count(DeliveryState::kCancelled), kMany);
}

TEST_F(Scheduled, WhatIsSupersededStaysSoWhenTheCommitsOutcomeIsUnknown) {
  TestGroup& first = append(later(minutes(1)), "k");
  storage.end_next({FakeStorage::Next::kUnknownLost});
  append(later(minutes(2)), "k", true);
  world.pass(seconds(10));
  EXPECT_EQ(storage.row(first.delivery()).state, DeliveryState::kReady) << "nothing came after it";
  storage.end_next({FakeStorage::Next::kUnknownDone});
  append(later(minutes(2)), "k", true);
  world.pass(seconds(10));
  EXPECT_EQ(storage.row(first.delivery()).state, DeliveryState::kCancelled);
}

TEST_F(Scheduled, MayBeBroughtForward) {
  TestGroup& group = append(later(minutes(10)), "");
  EXPECT_EQ(reschedule(group.id(), world.clock.wall() + seconds(5)).rescheduled, 1U);
  world.pass(seconds(4));
  EXPECT_EQ(mail.output->seen.size(), 0U);
  world.pass(seconds(2));
  EXPECT_EQ(mail.output->seen.size(), 1U);
}

TEST_F(Scheduled, MayBePutOff) {
  TestGroup& group = append(later(seconds(5)), "");
  EXPECT_EQ(reschedule(group.id(), world.clock.wall() + minutes(1)).rescheduled, 1U);
  world.pass(seconds(59));
  EXPECT_EQ(mail.output->seen.size(), 0U);
  world.pass(seconds(2));
  EXPECT_EQ(mail.output->seen.size(), 1U);
}

TEST_F(Scheduled, IsSentAtOnceWhenItsNewTimeHasPassed) {
  TestGroup& group = append(later(minutes(10)), "");
  reschedule(group.id(), WallTime{});
  EXPECT_EQ(mail.output->seen.size(), 1U);
  const stage::Reschedule late = reschedule(group.id(), world.clock.wall() + minutes(1));
  EXPECT_TRUE(late.found);
  EXPECT_EQ(late.rescheduled, 0U);
  EXPECT_EQ(late.in_flight, 1U);
}

}  // namespace
}  // namespace tocsin::delivery::testing
