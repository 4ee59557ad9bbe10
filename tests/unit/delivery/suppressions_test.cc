#include "gateway/delivery/suppressions.h"

#include <gtest/gtest.h>

#include "gateway/delivery/outbox_records.h"
#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::minutes;

class SuppressionsTest : public ::testing::Test {
 protected:
  ~SuppressionsTest() override {
    suppressions.stop();
    if (!world.stopped) world.stop();
    world.lanes.clear();
    lane.reset();
  }
  void SetUp() override {
    lane = std::make_unique<Lane>(
        LaneSurroundings{*world.port, world.pool, world.metrics, world.log, &suppressions}, "sms",
        LanePolicy::standard());
    output = std::make_unique<FakeOutput>(*lane);
    lane->attach(output.get());
    world.turn();
  }
  void TearDown() override {
    lane->drain(std::chrono::seconds(1), [this] { drained = true; });
    while (!drained) world.advance(std::chrono::seconds(1));
  }
  TestGroup& send(std::string address, std::vector<message::Recipient> to = {}) {
    return world.append(
        {.to = {&lane->door()}, .address = std::move(address), .recipients = std::move(to)});
  }
  void attach_with(LaneFallback fallback) {
    LanePolicy policy = LanePolicy::standard();
    policy.fallback = std::move(fallback);
    lane->attach(output.get(), std::move(policy));
    world.turn();
  }
  void suppress(std::string address, std::string reason, Duration keep = Duration::zero()) {
    suppressions.suppress({.address = std::move(address),
                           .reason = std::move(reason),
                           .by = "ops",
                           .since = world.clock.wall(),
                           .until = std::nullopt},
                          keep, nullptr);
    world.turn();
  }
  std::optional<stage::Record> record(std::string_view address) {
    return storage.get_record(kSuppressionCollection, address, world.clock.wall()).value();
  }
  // The pool's threads run on their own.
  void refresh() {
    world.advance(Suppressions::kRefreshEvery);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (pool_busy() && std::chrono::steady_clock::now() < give_up) world.turn(1);
  }
  bool pool_busy() { return !suppressions.find("sms:fresh").has_value(); }

  FakeStorage storage;
  World world{storage};
  event::OffloadPool pool{1, 2};
  policy::SharedTable table{Suppressions::table_options()};
  OutboxRecords records{*world.port, storage, pool};
  Suppressions suppressions{table, records, world.worker, world.log};
  std::unique_ptr<Lane> lane;
  std::unique_ptr<FakeOutput> output;
  bool drained = false;
};

TEST_F(SuppressionsTest, NothingIsSentToASuppressedAddress) {
  suppress("phone:+1", "asked not to be called");
  TestGroup& stopped = send("phone:+1");
  TestGroup& other = send("phone:+2");
  ASSERT_EQ(output->seen.size(), 1U);
  EXPECT_EQ(output->seen[0].address, "phone:+2");
  const FakeRow row = storage.row(stopped.delivery());
  EXPECT_EQ(row.state, DeliveryState::kDead);
  EXPECT_EQ(row.reason, "suppressed: asked not to be called");
  EXPECT_EQ(storage.row(other.delivery()).state, DeliveryState::kClaimed);
}

TEST_F(SuppressionsTest, ATargetThatIsGoneIsSuppressedAndKept) {
  output->script = [](const auto&) {
    return Verdict{.kind = VerdictKind::kTargetGone, .reason = "Unregistered"};
  };
  send("token:abc");
  TestGroup& next = send("token:abc");
  EXPECT_EQ(output->seen.size(), 1U) << "it is asked once";
  EXPECT_EQ(storage.row(next.delivery()).reason, "suppressed: the target is gone: Unregistered");
  const auto kept = record("token:abc");
  ASSERT_TRUE(kept);
  const auto one = decode_suppression(*kept);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->by, "sms");
  EXPECT_EQ(one->reason, "the target is gone: Unregistered");
  EXPECT_GT(kept->expires_at.value(), world.clock.wall() + std::chrono::days(89));
}

// A number that is suppressed must not be called by way of another provider, and whoever else is
// on the list has a delivery of his own; another channel is what a fallback is for.
TEST_F(SuppressionsTest, TheFallbackGetsWhatItReachesByAnotherAddress) {
  struct Case {
    const char* kind;  // what the fallback takes
    bool has_own;
    std::vector<message::Recipient> to;
    std::optional<std::string> reached;  // nothing: a dead letter
  };
  const message::Recipient phone{"phone", "+1"};
  const message::Recipient other{"phone", "+2"};
  const message::Recipient mail{"email", "a@b.example"};
  const message::Recipient silent{"email", "no@b.example"};
  const std::vector<Case> cases = {{"email", false, {phone, mail}, "email:a@b.example"},
                                   {"email", false, {phone, silent, mail}, "email:a@b.example"},
                                   {"email", false, {phone, silent}, "email:no@b.example"},
                                   {"email", true, {phone}, ""},
                                   {"email", false, {phone}, std::nullopt},
                                   {"phone", false, {phone, other}, std::nullopt},
                                   {"phone", true, {phone}, ""},
                                   {"", true, {phone, mail}, ""}};
  suppress("phone:+1", "opted out");
  suppress("email:no@b.example", "opted out");
  for (const Case& one : cases) {
    attach_with({.output = "mail", .address_kind = one.kind, .has_own_address = one.has_own});
    TestGroup& group = send("phone:+1", one.to);
    const FakeRow row = storage.row(group.delivery());
    EXPECT_EQ(row.reason, "suppressed: opted out");
    EXPECT_EQ(row.state, one.reached ? DeliveryState::kFellBack : DeliveryState::kDead);
    if (!one.reached) continue;
    EXPECT_EQ(storage.row(group.delivery(1)).address, *one.reached);
  }
  EXPECT_TRUE(output->seen.empty());
}

LaneFallback to(std::string output, std::string kind, std::optional<LaneFallback> next = {}) {
  LaneFallback made{
      .output = std::move(output), .address_kind = std::move(kind), .has_own_address = false};
  if (next) made.next = std::make_shared<const LaneFallback>(*std::move(next));
  return made;
}

TEST_F(SuppressionsTest, AFallbackThatReachesNobodyElseIsPassedOver) {
  suppress("phone:+1", "opted out");
  attach_with(to("second", "phone", to("third", "phone", to("mail", "email"))));
  TestGroup& group = send("phone:+1", {{"phone", "+1"}, {"email", "a@b.example"}});
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kFellBack);
  EXPECT_EQ(storage.row(group.delivery(1)).output, "mail");
  EXPECT_EQ(storage.row(group.delivery(1)).address, "email:a@b.example");
  TestGroup& nobody = send("phone:+1", {{"phone", "+1"}});
  EXPECT_EQ(storage.row(nobody.delivery()).state, DeliveryState::kDead);
}

TEST_F(SuppressionsTest, WhatIsGoneIsNotCalledThroughTheFallback) {
  output->script = [](const auto&) { return Verdict{.kind = VerdictKind::kTargetGone}; };
  attach_with({.output = "other", .address_kind = "phone", .has_own_address = false});
  TestGroup& group = send("phone:+1");
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDead);
  attach_with({.output = "other", .address_kind = "email", .has_own_address = false});
  TestGroup& reached = send("phone:+2", {{"phone", "+2"}, {"email", "a@b.example"}});
  EXPECT_EQ(storage.row(reached.delivery()).state, DeliveryState::kFellBack);
  EXPECT_EQ(storage.row(reached.delivery(1)).address, "email:a@b.example");
}

TEST_F(SuppressionsTest, EndsByItselfOrWhenItIsLifted) {
  suppress("phone:+1", "for a while", minutes(2));
  suppress("phone:+2", "until it is lifted");
  world.pass(minutes(3));
  EXPECT_FALSE(suppressions.find("phone:+1"));
  std::optional<bool> changed;
  suppressions.lift("phone:+2", [&](const auto& outcome) { changed = outcome->changed; });
  world.turn();
  EXPECT_EQ(changed, true);
  EXPECT_FALSE(suppressions.find("phone:+2"));
  EXPECT_FALSE(record("phone:+2"));
  suppressions.lift("phone:+2", [&](const auto& outcome) { changed = outcome->changed; });
  world.turn();
  EXPECT_EQ(changed, false);
}

TEST_F(SuppressionsTest, IsThereAfterARestart) {
  for (int i = 0; i < 1200; ++i) suppress("phone:" + std::to_string(i), "kept");
  policy::SharedTable fresh{Suppressions::table_options()};
  ASSERT_TRUE(Suppressions::load(fresh, storage, world.clock));
  for (int i = 0; i < 1200; ++i) {
    EXPECT_EQ(fresh.get("phone:" + std::to_string(i), world.clock.mono()), "kept") << i;
  }
}

TEST_F(SuppressionsTest, WhatAnotherGatewayChangedIsHeardOfByAndBy) {
  suppressions.keep_fresh();
  suppress("phone:+1", "lifted elsewhere");
  storage.forget_records();
  storage.set_record(kSuppressionCollection, "sms:fresh", R"({"reason":"added elsewhere"})");
  refresh();
  EXPECT_EQ(suppressions.find("sms:fresh"), "added elsewhere");
  for (Duration gone{}; gone < Suppressions::kForget; gone += Suppressions::kRefreshEvery) {
    world.advance(Suppressions::kRefreshEvery);
  }
  EXPECT_FALSE(suppressions.find("phone:+1"));
}

TEST(Suppression, IsOfAnAddressWithItsKind) {
  EXPECT_TRUE(is_suppressible("email:a@b.example"));
  for (const char* wrong : {"", "email", "email:", ":a@b.example", "email:a\nb"}) {
    EXPECT_FALSE(is_suppressible(wrong)) << wrong;
  }
  EXPECT_FALSE(is_suppressible("email:" + std::string(600, 'a')));
}

TEST(Suppression, StandsEvenWhenItCannotBeRead) {
  EXPECT_FALSE(decode_suppression({"a:b", "no json", 1, std::nullopt}));
  EXPECT_EQ(decode_suppression({"a:b", "{}", 1, std::nullopt})->reason, "");
}

}  // namespace
}  // namespace tocsin::delivery::testing
