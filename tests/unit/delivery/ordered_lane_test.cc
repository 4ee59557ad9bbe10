// An output whose deliveries of one key go one after the other.
#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::seconds;

class OrderedLane : public ::testing::Test {
 protected:
  static LanePolicy ordered() {
    LanePolicy policy = LanePolicy::standard();
    policy.ordered = true;
    return policy;
  }
  TestGroup& append(std::string_view key, std::string text, Duration wait = Duration::zero()) {
    TestGroup& group = *world.groups.emplace_back(std::make_unique<TestGroup>());
    Note note{.to = {chat.door()}, .text = std::move(text)};
    if (wait > Duration::zero()) note.deliver_at = world.clock.wall() + wait;
    group.add(world.pool, world.clock, note);
    group.items[0].append.group_key = key;
    TOCSIN_ASSERT(world.port->reserve(1, group.bytes), "the waiting room is full");
    world.port->submit(group);
    world.turn();
    return group;
  }
  std::vector<message::DeliveryId> seen() const {
    std::vector<message::DeliveryId> ids;
    for (const FakeOutput::Seen& one : chat.output->seen) ids.push_back(one.delivery);
    return ids;
  }
  using Ids = std::vector<message::DeliveryId>;

  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& chat = world.add_lane("chat", ordered());
};

TEST_F(OrderedLane, BeginsTheNextOfAKeyWhenTheOneBeforeIsOver) {
  TestGroup& first = append("a", "1");
  TestGroup& second = append("a", "2");
  TestGroup& other = append("b", "1");
  EXPECT_EQ(seen(), (Ids{first.delivery(), other.delivery()}));
  chat.output->complete();
  world.turn();
  EXPECT_EQ(seen(), (Ids{first.delivery(), other.delivery(), second.delivery()}));
}

TEST_F(OrderedLane, HoldsAKeyBackWhileItsFirstIsTriedAgain) {
  TestGroup& first = append("a", "1");
  append("a", "2");
  chat.output->complete(retry("later", seconds(30)));
  world.pass(seconds(20));
  EXPECT_EQ(seen(), Ids{first.delivery()});
  TestGroup& other = append("b", "1");
  EXPECT_EQ(seen(), (Ids{first.delivery(), other.delivery()})) << "others pass";
  chat.output->complete();
  world.pass(seconds(20));
  EXPECT_EQ(seen().size(), 3U);
  EXPECT_EQ(seen().back(), first.delivery());
}

TEST_F(OrderedLane, GoesOnBehindADeadLetter) {
  append("a", "1");
  TestGroup& second = append("a", "2");
  chat.output->complete({.kind = VerdictKind::kRejected});
  world.turn();
  EXPECT_EQ(seen().back(), second.delivery());
}

TEST_F(OrderedLane, GoesOnBehindWhatWasInNobodysMemory) {
  const message::DeliveryId first = append("a", "1", seconds(3600)).delivery();
  constexpr stage::Epoch kOurs = 1;  // the first of this store
  storage.meddle(first, [&](FakeRow& row) {
    row.state = DeliveryState::kSending;
    row.ordering = stage::Ordering::kJoin;
    row.next_at = world.clock.wall();
    row.owner = kOurs;
  });
  TestGroup& second = append("a", "2");
  EXPECT_EQ(seen(), Ids{});
  world.pass(seconds(40));
  EXPECT_EQ(storage.row(first).state, DeliveryState::kDead);
  EXPECT_EQ(seen(), Ids{second.delivery()});
}

TEST_F(OrderedLane, GivesEverybodyATurnHoweverLongALineIs) {
  chat.output->script = [](const auto&) { return delivered(); };
  for (int i = 0; i < 200; ++i) append("a", std::to_string(i));
  for (int i = 0; i < 20; ++i) append("k" + std::to_string(i % 4), std::to_string(i));
  world.pass(seconds(5));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 220U);
  Ids of_a;
  for (const FakeOutput::Seen& one : chat.output->seen) of_a.push_back(one.delivery);
  of_a.resize(200);
  EXPECT_TRUE(std::ranges::is_sorted(of_a));
}

TEST_F(OrderedLane, SendsWhatHasNoKeyFromMemory) {
  append("", "1");
  append("", "2");
  EXPECT_EQ(seen().size(), 2U);
  EXPECT_EQ(storage.count(DeliveryState::kClaimed), 2U);
}

}  // namespace
}  // namespace tocsin::delivery::testing
