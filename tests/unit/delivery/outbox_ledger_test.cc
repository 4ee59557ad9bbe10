#include "gateway/delivery/outbox_ledger.h"

#include <gtest/gtest.h>

#include "gateway/delivery/store_gauges.h"
#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

class OutboxLedgerTest : public ::testing::Test {
 protected:
  /// Turns until the condition holds; a pool thread may be at work.
  template <typename Condition>
  bool turn_until(Condition&& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < give_up) world.turn(1);
    return condition();
  }

  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& chat = world.add_lane("chat");
  event::OffloadPool pool{1, 2};
  OutboxLedger ledger{*world.port, storage, pool};
};

TEST_F(OutboxLedgerTest, ReadsThroughThePool) {
  auto& group = world.append({.to = {chat.door()}, .caller = "shop"});
  std::optional<Result<stage::QueryResult>> got;
  ledger.query({.what = stage::Query::What::kNotification, .id = group.id()},
               [&](Result<stage::QueryResult> result) { got = std::move(result); });
  EXPECT_FALSE(got);
  ASSERT_TRUE(turn_until([&] { return got.has_value(); }));
  ASSERT_TRUE(got->has_value());
  EXPECT_EQ((*got)->notification->caller, "shop");
  EXPECT_EQ((*got)->deliveries[0].state, DeliveryState::kClaimed);
}

TEST_F(OutboxLedgerTest, CancelsAndReviewsThroughTheFront) {
  chat.output->script = [](const auto&) { return Verdict{.kind = VerdictKind::kRejected}; };
  auto& dead = world.append({.to = {chat.door()}});
  chat.output->script = nullptr;
  auto& running = world.append({.to = {chat.door()}, .caller = "shop"});
  std::optional<stage::Cancel> cancelled;
  std::optional<stage::Review> reviewed;
  ledger.cancel(running.id(), "shop", [&](auto result) { cancelled = result.value(); });
  ledger.review(dead.delivery(), stage::Review::Verb::kDiscard,
                [&](auto result) { reviewed = result.value(); });
  EXPECT_FALSE(cancelled || reviewed);
  world.turn();
  EXPECT_EQ(cancelled->in_flight, 1U);
  EXPECT_TRUE(reviewed->changed);
  EXPECT_EQ(storage.row(dead.delivery()).review, message::ReviewState::kDiscarded);
}

TEST_F(OutboxLedgerTest, MovesWhatWaitsToALaneThatThenDeliversIt) {
  auto& group = world.append({.to = {chat.door()}, .address = "a:b"});
  world.turn();
  // As if its lane had ended: the row is ready, and of an output that nobody serves.
  storage.meddle(group.delivery(), [](FakeStorage::Row& row) {
    row.output = "old";
    row.state = DeliveryState::kReady;
    row.owner = 0;
  });
  const std::size_t before = chat.output->seen.size();
  std::optional<stage::Move> moved;
  ledger.move("old", "chat", false, [&](auto result) { moved = result.value(); });
  EXPECT_FALSE(moved);
  world.turn();
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->moved, 1U);
  EXPECT_FALSE(moved->more);
  ASSERT_EQ(chat.output->seen.size(), before + 1);
  EXPECT_EQ(chat.output->seen.back().delivery, group.delivery());
  EXPECT_EQ(chat.output->seen.back().address, "a:b");
}

TEST_F(OutboxLedgerTest, SaysThatTheStoreIsDown) {
  auto& group = world.append({.to = {chat.door()}});
  EXPECT_TRUE(ledger.accepting());
  storage.set_down(true);
  std::vector<Code> codes;
  for (int i = 0; i < 2; ++i) {
    ledger.cancel(group.id(), "", [&](auto result) { codes.push_back(result.error().code); });
    world.turn();
  }
  EXPECT_EQ(codes, std::vector<Code>(2, Code::kUnavailable));
  EXPECT_FALSE(ledger.accepting());
  storage.set_down(false);
}

TEST_F(OutboxLedgerTest, RefusesMoreChangesThanItMayHold) {
  std::size_t full = 0;
  for (std::size_t i = 0; i < OutboxLedger::kChangesMax + 3; ++i) {
    ledger.cancel({1}, "", [&](auto result) {
      if (!result) full += result.error().code == Code::kFull ? 1 : 0;
    });
  }
  world.turn();
  EXPECT_EQ(full, 3U);
}

TEST_F(OutboxLedgerTest, ShowsTheStoresSize) {
  const StoreGauges gauges(world.worker, storage, pool, world.metrics);
  EXPECT_TRUE(turn_until([&] {
    world.clock.advance(std::chrono::seconds(1));
    return world.metrics.expose().find("tocsin_store_bytes 4096") != std::string::npos;
  }));
}

TEST_F(OutboxLedgerTest, ShowsHowLongEachOutputsOldestHasBeenDue) {
  auto& group = world.append({.to = {chat.door()}, .address = "a:b"});
  world.turn();
  // As if its lane had ended: the row is ready, and of an output that nobody serves.
  storage.meddle(group.delivery(), [](FakeStorage::Row& row) {
    row.output = "sms";
    row.state = DeliveryState::kReady;
    row.owner = 0;
  });
  const StoreGauges gauges(world.worker, storage, pool, world.metrics);
  EXPECT_TRUE(turn_until([&] {
    world.clock.advance(std::chrono::seconds(1));
    const std::string shown = world.metrics.expose();
    const auto at = shown.find("tocsin_outbox_output_oldest_seconds{output=\"sms\"} ");
    return at != std::string::npos && shown[shown.find("} ", at) + 2] != '0';
  }));
}

}  // namespace
}  // namespace tocsin::delivery::testing
