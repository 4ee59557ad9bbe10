// Who goes first when an output asked to wait, and what a cancel or a redrive does to that.
#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

Verdict throttled(Duration after) { return {.kind = VerdictKind::kThrottled, .after = after}; }

LanePolicy at_a_time(std::uint32_t concurrency) {
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = concurrency;
  return policy;
}

// With an output that drops repetitions, and with one whose attempts are marked first.
class ThrottledLaneTest : public ::testing::TestWithParam<bool> {
 protected:
  FakeStorage storage;
  World world{storage};

  World::LaneAndOutput& add(std::uint32_t concurrency) {
    return world.add_lane("chat", at_a_time(concurrency), GetParam());
  }
  static std::vector<message::DeliveryId> seen(const World::LaneAndOutput& lane) {
    std::vector<message::DeliveryId> ids;
    for (const auto& one : lane.output->seen) ids.push_back(one.delivery);
    return ids;
  }
  void cancel(TestGroup& group, TestCancel& request) {
    request.op.id = group.id();
    world.port->submit(request);
    world.turn();
  }
};

TEST_P(ThrottledLaneTest, KeepsThePlaceOfWhatWasThrottled) {
  auto& chat = add(1);
  auto& first = world.append({.to = {chat.door()}});
  auto& second = world.append({.to = {chat.door()}});
  auto& third = world.append({.to = {chat.door()}});
  chat.output->complete(throttled(seconds(30)));
  world.pass(seconds(29));
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(storage.row(first.delivery()).state, DeliveryState::kClaimed);
  EXPECT_EQ(storage.row(first.delivery()).attempts, 0U);
  chat.output->script = [](const auto&) { return delivered(); };
  world.pass(seconds(1));
  EXPECT_EQ(seen(chat),
            (std::vector{first.delivery(), first.delivery(), second.delivery(), third.delivery()}));
  EXPECT_EQ(chat.output->seen[1].number, 1U);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 3U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(1));
}

TEST_P(ThrottledLaneTest, KeepsTheOrderOfManyHoweverTheirVerdictsCome) {
  auto& chat = add(3);
  std::vector<message::DeliveryId> order;
  for (int i = 0; i < 4; ++i) order.push_back(world.append({.to = {chat.door()}}).delivery());
  ASSERT_EQ(chat.output->open.size(), 3U);
  std::ranges::reverse(chat.output->open);
  while (!chat.output->open.empty()) chat.output->complete(throttled(minutes(1)));
  world.turn();
  chat.output->seen.clear();
  chat.output->script = [](const auto&) { return delivered(); };
  world.pass(minutes(1));
  EXPECT_EQ(seen(chat), order);
}

TEST_P(ThrottledLaneTest, GoesBeforeTheBacklogOnDisk) {
  auto& chat = add(1);
  auto& first = world.append({.to = {chat.door()}});
  for (int i = 0; i < 20; ++i) world.append({.to = {chat.door()}});
  ASSERT_GT(storage.count(DeliveryState::kReady), 10U);
  chat.output->complete(throttled(minutes(1)));
  chat.output->script = [](const auto&) { return delivered(); };
  world.pass(minutes(1) + seconds(5));
  ASSERT_GT(chat.output->seen.size(), 1U);
  EXPECT_EQ(chat.output->seen[1].delivery, first.delivery());
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 21U);
}

TEST_P(ThrottledLaneTest, IsCancelledWhileItWaits) {
  auto& chat = add(1);
  auto& group = world.append({.to = {chat.door()}});
  chat.output->complete(throttled(minutes(1)));
  world.turn();
  TestCancel request;
  cancel(group, request);
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kCancelled);
  world.pass(minutes(2));
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(chat.lane->held(), 0U);
}

TEST_P(ThrottledLaneTest, IsCancelledWhenThatWasAskedDuringItsAttempt) {
  auto& chat = add(1);
  auto& group = world.append({.to = {chat.door()}});
  TestCancel request;
  cancel(group, request);
  EXPECT_EQ(request.op.in_flight, 1U);
  chat.output->complete(throttled(seconds(5)));
  world.pass(seconds(10));
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kCancelled);
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(1));
}

TEST_P(ThrottledLaneTest, GoesBackToTheStoreWhenTheLaneDrains) {
  auto& chat = add(1);
  auto& group = world.append({.to = {chat.door()}});
  chat.output->complete(throttled(hours(1)));
  bool drained = false;
  chat.lane->drain(seconds(1), [&] { drained = true; });
  world.turn();
  EXPECT_TRUE(drained);
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kReady);
  world.lanes.clear();
}

INSTANTIATE_TEST_SUITE_P(Outputs, ThrottledLaneTest, ::testing::Bool(),
                         [](const auto& which) { return which.param ? "Idempotent" : "Marked"; });

class LaneOrderTest : public ::testing::Test {
 protected:
  FakeStorage storage;
  World world{storage};
};

// In one batch, behind the cancel or before it: the attempt has not begun.
TEST_F(LaneOrderTest, DoesNotBeginWhatIsCancelledWhileItsMarkIsWritten) {
  for (const bool cancel_first : {true, false}) {
    auto& sms = world.add_lane(cancel_first ? "sms" : "push", at_a_time(1), false);
    TestCancel request;
    const auto cancel = [&](TestGroup& group) {
      request.op.id = group.id();
      world.port->submit(request);
    };
    storage.set_held(true);
    auto& group = world.submit({{.to = {sms.door()}}});
    if (cancel_first) group.at_answer = cancel;  // before the lane hears of it
    while (!storage.has_batch()) world.turn(1);
    world.submit({{.to = {}}});
    world.turn();
    storage.finish();
    world.store_loop.run_ready();  // the second is begun before the lane hears of the first
    world.turn();                  // the mark waits for it
    if (!cancel_first) cancel(group);
    world.turn();
    ASSERT_TRUE(storage.has_batch());
    storage.set_held(false);
    storage.finish();
    world.turn();
    EXPECT_EQ(request.op.in_flight, 1U);
    EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kCancelled) << cancel_first;
    EXPECT_TRUE(sms.output->seen.empty());
    EXPECT_EQ(sms.lane->held(), 0U);
    EXPECT_EQ(sms.lane->in_flight(), 0U);
    EXPECT_EQ(sms.door()->credits(), LaneDoor::capacity_for(1));
  }
}

TEST_F(LaneOrderTest, SendsWhatIsRedrivenHoweverLateItIs) {
  LanePolicy policy = LanePolicy::standard();
  policy.expires_after = hours(1);
  policy.backoff = policy::Backoff::make({.schedule = {seconds(10)}}).value();
  auto& chat = world.add_lane("chat", policy);
  chat.output->script = [](const auto&) { return Verdict{.kind = VerdictKind::kRejected}; };
  auto& group = world.append({.to = {chat.door()}, .expires_at = world.clock.wall() + minutes(10)});
  ASSERT_EQ(storage.row(group.delivery()).state, DeliveryState::kDead);
  world.pass(hours(2), minutes(1));
  const auto redrive = [&] {
    TestReview request;
    request.op.id = group.delivery();
    world.port->submit(request);
    world.turn();
  };
  chat.output->script = [](const auto&) { return retry(); };
  redrive();
  EXPECT_EQ(chat.output->seen.size(), 2U);
  world.pass(seconds(12));  // nor do its repetitions expire
  EXPECT_EQ(chat.output->seen.size(), 3U);
  EXPECT_EQ(storage.row(group.delivery()).reason, "gave up after attempt 2: try later");
  EXPECT_EQ(storage.row(group.delivery()).review, message::ReviewState::kPending);
  chat.output->script = [](const auto&) { return delivered(); };
  redrive();
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
}

}  // namespace
}  // namespace tocsin::delivery::testing
