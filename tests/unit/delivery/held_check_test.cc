// Rows that are ours in the store and in nobody's memory are found and given back; others are not.
#include "gateway/delivery/held_check.h"

#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::seconds;

class HeldCheckTest : public ::testing::Test {
 protected:
  static World::LaneAndOutput& slow_lane(World& world) {
    LanePolicy policy = LanePolicy::standard();
    policy.timeout = std::chrono::minutes(10);
    return world.add_lane("chat", policy);
  }
  message::DeliveryId deliver_later() {
    return world.append({.to = {chat.door()}, .deliver_at = world.clock.wall() + seconds(3600)})
        .delivery();
  }
  /// Makes it ours behind the gateway's back, as a claim does whose answer was lost.
  void take_quietly(message::DeliveryId id, DeliveryState state) {
    constexpr stage::Epoch kOurs = 1;  // the first of this store
    storage.meddle(id, [&](FakeRow& row) {
      row.state = state;
      row.owner = kOurs;
    });
  }
  /// As the metrics say.
  std::size_t released() {
    constexpr std::string_view kName = "\ntocsin_outbox_claims_released_total ";
    const std::string text = world.metrics.expose();
    const std::size_t at = text.find(kName);
    return at == text.npos ? 0 : std::stoul(text.substr(at + kName.size()));
  }

  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& chat = slow_lane(world);
};

TEST_F(HeldCheckTest, GivesBackWhatNoLaneHolds) {
  const message::DeliveryId lost = deliver_later();
  take_quietly(lost, DeliveryState::kClaimed);
  world.pass(seconds(29));
  EXPECT_EQ(storage.row(lost).state, DeliveryState::kClaimed);
  world.pass(seconds(2));
  ASSERT_EQ(chat.output->seen.size(), 1U) << "and its lane takes it";
  EXPECT_EQ(released(), 1U);
  chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.row(lost).state, DeliveryState::kDelivered);
}

TEST_F(HeldCheckTest, LeavesAloneWhatALaneHolds) {
  for (int i = 0; i < 40; ++i) world.append({.to = {chat.door()}});
  ASSERT_EQ(chat.output->open.size(), 32U) << "and the others wait";
  world.pass(seconds(95));
  EXPECT_EQ(storage.count(DeliveryState::kClaimed), 40U);
  EXPECT_EQ(chat.output->seen.size(), 32U);
  EXPECT_EQ(released(), 0U);
  chat.output->script = [](const auto&) { return delivered(); };
  while (!chat.output->open.empty()) chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 40U);
}

TEST_F(HeldCheckTest, MakesADeadLetterOfWhatWasMarkedAsBeingSent) {
  const message::DeliveryId lost = deliver_later();
  take_quietly(lost, DeliveryState::kSending);
  world.pass(seconds(31));
  EXPECT_EQ(storage.row(lost).state, DeliveryState::kDead);
  EXPECT_EQ(storage.row(lost).reason, "ambiguous");
  EXPECT_EQ(released(), 1U);
  EXPECT_TRUE(chat.output->seen.empty());
}

TEST_F(HeldCheckTest, GoesThroughAllPages) {
  std::vector<message::DeliveryId> lost;
  for (std::uint32_t i = 0; i < 2 * HeldCheck::kPageRows + 10; ++i) {
    lost.push_back(deliver_later());
    take_quietly(lost.back(), DeliveryState::kSending);
  }
  world.pass(seconds(31));
  world.pass(seconds(1), std::chrono::milliseconds(20));
  EXPECT_EQ(storage.count(DeliveryState::kDead), lost.size());
  EXPECT_EQ(released(), lost.size());
}

TEST_F(HeldCheckTest, LeavesAloneWhatIsSettledMeanwhile) {
  auto& group = world.append({.to = {chat.door()}});
  world.pass(seconds(29));
  storage.set_held(true);  // the batch that lists it stays under way
  world.clock.advance(seconds(1));
  world.turn();
  ASSERT_TRUE(storage.has_batch());
  chat.output->complete();
  world.turn();
  storage.set_held(false);
  storage.finish();
  world.pass(seconds(5));
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(released(), 0U);
}

TEST_F(HeldCheckTest, WaitsForAStoreThatFails) {
  const message::DeliveryId lost = deliver_later();
  take_quietly(lost, DeliveryState::kClaimed);
  storage.set_full(true);
  world.pass(seconds(65));
  EXPECT_EQ(storage.row(lost).state, DeliveryState::kClaimed);
  storage.set_full(false);
  world.pass(seconds(40));
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(released(), 1U);
}

TEST_F(HeldCheckTest, CountsRowsOfAnOutputWithoutALane) {
  auto& gone = world.add_lane("gone");
  const message::DeliveryId lost =
      world.append({.to = {gone.door()}, .deliver_at = world.clock.wall() + seconds(3600)})
          .delivery();
  bool drained = false;
  gone.lane->drain(seconds(1), [&] { drained = true; });
  world.pass(seconds(2));
  ASSERT_TRUE(drained);
  world.lanes.pop_back();
  take_quietly(lost, DeliveryState::kClaimed);
  world.pass(seconds(31));
  EXPECT_EQ(storage.row(lost).state, DeliveryState::kReady);
  EXPECT_EQ(released(), 1U);
}

// ---- alone

stage::OwnedDelivery owned(std::uint64_t id) {
  stage::OwnedDelivery one;
  one.id = {{id}, 0};
  return one;
}

TEST(HeldCheck, LeavesOutWhatIsHandedOverBeforeAllHaveAnswered) {
  HeldCheck check;
  check.list().owned = {owned(1), owned(2), owned(3)};
  const auto question = check.on_listed(2);
  ASSERT_EQ(question->ids.size(), 3U);
  HeldAnswer first;
  first.number = question->number;
  first.held = {{{1}, 0}};
  check.on_answer(first);
  EXPECT_TRUE(check.unheld().empty()) << "one has yet to answer";
  check.on_handed({{2}, 0});
  HeldAnswer second;
  second.number = question->number;
  check.on_answer(second);
  ASSERT_EQ(check.unheld().size(), 1U);
  EXPECT_EQ(check.unheld()[0].id.notification.value, 3U);
  check.on_handed({{3}, 0});
  EXPECT_TRUE(check.unheld().empty());
  EXPECT_TRUE(check.idle());
}

TEST(HeldCheck, AnswersToAnAbandonedQuestionSayNothing) {
  HeldCheck check;
  check.list().owned = {owned(1)};
  HeldAnswer answer;
  answer.number = check.on_listed(1)->number;
  check.abandon();
  EXPECT_FALSE(check.idle()) << "the loop has the question still";
  check.on_answer(answer);
  EXPECT_TRUE(check.idle());
  EXPECT_TRUE(check.unheld().empty());
}

TEST(HeldCheck, GoesOnBehindAFullPageAndBeginsAgainBehindTheLast) {
  HeldCheck check;
  std::vector<stage::OwnedDelivery> page;
  for (std::uint64_t id = 1; id <= HeldCheck::kPageRows; ++id) page.push_back(owned(id));
  check.list().owned = page;
  HeldAnswer answer;
  answer.number = check.on_listed(1)->number;
  EXPECT_FALSE(check.complete());
  for (const auto& one : page) answer.held.push_back(one.id);
  check.on_answer(answer);
  EXPECT_EQ(check.list().after.notification.value, HeldCheck::kPageRows);
  EXPECT_EQ(check.on_listed(1), nullptr) << "nothing to ask about";
  EXPECT_TRUE(check.complete());
  EXPECT_TRUE(check.idle());
}

}  // namespace
}  // namespace tocsin::delivery::testing
