// A lane whose receiver fails: the breaker, the retry budget, and the fallback's turn.
#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using policy::BreakerState;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kOpen = "tocsin_lane_breaker{output=\"chat\",state=\"open\"}";

LanePolicy quick_breaker() {
  LanePolicy policy = LanePolicy::standard();
  policy.backoff = policy::Backoff::make({.max_attempts = 50,
                                          .initial = seconds(1),
                                          .max = seconds(1),
                                          .jitter = policy::Jitter::kNone})
                       .value();
  policy.breaker = policy::BreakerOptions{.window_calls = 4,
                                          .min_calls = 4,
                                          .open_for = minutes(1),
                                          .open_for_max = minutes(3),
                                          .half_open_calls = 1};
  return policy;
}

class LaneBreakerTest : public ::testing::Test {
 protected:
  World::LaneAndOutput& add(LanePolicy policy, std::string name = "chat") {
    auto& made = world.add_lane(std::move(name), std::move(policy));
    fail(made);
    return made;
  }
  static void fail(World::LaneAndOutput& lane) {
    lane.output->script = [](const auto&) { return retry("503"); };
  }
  static void heal(World::LaneAndOutput& lane) {
    lane.output->script = [](const auto&) { return delivered(); };
  }
  void append(World::LaneAndOutput& lane, int count) {
    for (int i = 0; i < count; ++i) groups.push_back(&world.append({.to = {lane.door()}}));
  }

  FakeStorage storage;
  World world{storage};
  std::vector<TestGroup*> groups;
};

TEST_F(LaneBreakerTest, WaitsWhileItIsOpenAndSpendsNothing) {
  auto& chat = add(quick_breaker());
  append(chat, 4);
  EXPECT_EQ(chat.lane->breaker_state(), BreakerState::kOpen);
  EXPECT_EQ(world.metric(kOpen), 1);
  EXPECT_EQ(world.metric("tocsin_lane_breaker_opened_total{output=\"chat\"}"), 1);
  append(chat, 3);
  world.pass(minutes(1) - seconds(1));
  EXPECT_EQ(chat.output->seen.size(), 4U);
  EXPECT_EQ(storage.row(groups.back()->delivery()).attempts, 0U);
  EXPECT_EQ(chat.lane->look().wait, LaneWait::kBreaker);
  EXPECT_GE(world.metric("tocsin_lane_waits_total{output=\"chat\",reason=\"breaker\"}"), 1);
}

TEST_F(LaneBreakerTest, ProbesWithOneAndGoesOnWhenItIsDelivered) {
  auto& chat = add(quick_breaker());
  append(chat, 7);
  ASSERT_EQ(chat.output->seen.size(), 4U);
  world.pass(minutes(1));  // the probe fails
  EXPECT_EQ(chat.output->seen.size(), 5U);
  world.pass(minutes(2) - seconds(1));  // twice as long
  EXPECT_EQ(chat.output->seen.size(), 5U);
  world.pass(seconds(1));
  EXPECT_EQ(chat.output->seen.size(), 6U);
  heal(chat);
  world.pass(minutes(3) - seconds(1));  // the cap
  EXPECT_EQ(chat.output->seen.size(), 6U);
  world.pass(seconds(2));
  EXPECT_EQ(chat.lane->breaker_state(), BreakerState::kClosed);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 7U);
  EXPECT_EQ(world.metric(kOpen), 0);
}

TEST_F(LaneBreakerTest, OneDeadOutputDoesNotDelayAnother) {
  auto& chat = add(quick_breaker());
  auto& mail = add(quick_breaker(), "mail");
  heal(mail);
  append(chat, 20);
  append(mail, 20);
  EXPECT_EQ(chat.output->seen.size(), 4U);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 20U);
}

TEST_F(LaneBreakerTest, OpensForAttemptsThatHang) {
  LanePolicy policy = quick_breaker();
  policy.breaker->slow_call = seconds(5);
  policy.timeout = seconds(8);
  auto& chat = world.add_lane("chat", policy);
  append(chat, 4);
  world.pass(seconds(9));
  EXPECT_EQ(chat.lane->breaker_state(), BreakerState::kOpen);
}

TEST_F(LaneBreakerTest, OpensForAnswersThatAreSlowAlthoughGood) {
  LanePolicy policy = quick_breaker();
  policy.breaker->slow_call = seconds(5);
  auto& chat = world.add_lane("chat", policy);
  append(chat, 4);
  world.pass(seconds(6));
  while (!chat.output->open.empty()) chat.output->complete();
  world.turn();
  EXPECT_EQ(chat.lane->breaker_state(), BreakerState::kOpen);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 4U);
}

TEST_F(LaneBreakerTest, ObeysTheOperatorUntilToldOtherwise) {
  auto& chat = add(quick_breaker());
  heal(chat);
  EXPECT_EQ(chat.lane->force_breaker(BreakerOrder::kOpen), BreakerState::kForcedOpen);
  append(chat, 2);
  world.pass(hours(1), seconds(5));
  EXPECT_TRUE(chat.output->seen.empty());
  LanePolicy other = quick_breaker();
  other.timeout = seconds(3);
  chat.lane->attach(chat.output.get(), other);
  EXPECT_EQ(chat.lane->breaker_state(), BreakerState::kForcedOpen) << "it outlives a reload";
  EXPECT_EQ(chat.lane->force_breaker(BreakerOrder::kAuto), BreakerState::kClosed);
  world.turn();
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
  fail(chat);
  EXPECT_EQ(chat.lane->force_breaker(BreakerOrder::kClosed), BreakerState::kForcedClosed);
  append(chat, 10);
  EXPECT_EQ(chat.output->seen.size(), 12U);
}

TEST_F(LaneBreakerTest, AnOutputWithoutOneIsTriedEachTime) {
  LanePolicy policy = quick_breaker();
  policy.breaker.reset();
  auto& chat = add(policy);
  append(chat, 30);
  EXPECT_EQ(chat.output->seen.size(), 30U);
  EXPECT_EQ(chat.lane->breaker_state(), BreakerState::kClosed);
}

TEST_F(LaneBreakerTest, ExpiresWhatTheBreakerKeptTooLong) {
  LanePolicy policy = quick_breaker();
  policy.expires_after = seconds(30);
  auto& chat = add(policy);
  append(chat, 6);
  world.pass(minutes(1) + seconds(2));
  EXPECT_EQ(storage.row(groups.back()->delivery()).reason, "expired");
  EXPECT_EQ(world.metric("tocsin_deliveries_given_up_total{output=\"chat\",reason=\"expired\","
                         "next=\"dead\"}"),
            6);
}

// With a backlog of retries and nothing new, only the budget's minimum goes each window.
TEST_F(LaneBreakerTest, ABacklogOfRetriesIsBoundedByTheBudget) {
  LanePolicy policy = quick_breaker();
  policy.breaker.reset();
  policy.retry_budget = policy::RetryBudgetOptions{.share = 0, .retries_min = 5};
  auto& chat = add(policy);
  append(chat, 40);
  ASSERT_EQ(chat.output->seen.size(), 40U);
  world.pass(seconds(60));
  const std::size_t retries = chat.output->seen.size() - 40;
  EXPECT_LE(retries, 5U * 7U);
  EXPECT_GE(retries, 5U * 5U);
  EXPECT_GT(world.metric("tocsin_deliveries_postponed_total{output=\"chat\","
                         "reason=\"retry_budget\"}"),
            0);
  append(chat, 1);
  EXPECT_EQ(chat.output->seen.back().delivery, groups.back()->delivery())
      << "what is new does not wait behind retries";
  heal(chat);
  world.pass(minutes(3));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 41U);
}

// ---- fallback

class LaneFallbackTest : public LaneBreakerTest {
 protected:
  LaneFallbackTest() {
    policy = quick_breaker();
    policy.breaker.reset();
    policy.backoff = policy::Backoff::make({.schedule = {seconds(1)}}).value();
    policy.fallback = {.output = "mail"};
  }
  void make() {
    chat = &add(policy);
    mail = &world.add_lane("mail");
    heal(*mail);
  }
  TestGroup& append_to(std::string address) {
    return world.append({.to = {chat->door()}, .address = std::move(address)});
  }

  LanePolicy policy = LanePolicy::standard();
  World::LaneAndOutput* chat = nullptr;
  World::LaneAndOutput* mail = nullptr;
};

TEST_F(LaneFallbackTest, GetsWhatIsExhausted) {
  make();
  auto& group = append_to("");
  world.pass(seconds(2));
  EXPECT_EQ(storage.row(group.delivery(0)).state, DeliveryState::kFellBack);
  EXPECT_EQ(storage.row(group.delivery(0)).reason, "gave up after attempt 2: 503");
  EXPECT_EQ(storage.row(group.delivery(1)).state, DeliveryState::kDelivered);
  ASSERT_EQ(mail->output->seen.size(), 1U);
  EXPECT_EQ(mail->output->seen[0].number, 1U);
  EXPECT_EQ(mail->output->seen[0].delivery, group.delivery(1));
  EXPECT_EQ(world.metric("tocsin_deliveries_total{output=\"chat\",result=\"fell_back\"}"), 1);
  EXPECT_EQ(world.metric("tocsin_deliveries_given_up_total{output=\"chat\",reason=\"exhausted\","
                         "next=\"fell_back\"}"),
            1);
}

TEST_F(LaneFallbackTest, GetsWhatWillNeverWorkHereButNotWhatMayHaveArrived) {
  for (const auto& [kind, falls_back] : {std::pair(VerdictKind::kRejected, true),
                                         {VerdictKind::kTargetGone, true},
                                         {VerdictKind::kAmbiguous, false}}) {
    FakeStorage store;
    World own{store};
    auto& sms = own.add_lane("chat", policy, false);
    own.add_lane("mail");
    sms.output->script = [verdict = kind](const auto&) { return Verdict{.kind = verdict}; };
    auto& group = own.append({.to = {sms.door()}});
    EXPECT_EQ(store.row(group.delivery()).state,
              falls_back ? DeliveryState::kFellBack : DeliveryState::kDead)
        << message::verdict_name(kind);
  }
}

TEST_F(LaneFallbackTest, IsReachedWhereItTakesTheAddress) {
  policy.fallback.address_kind = "phone";
  policy.fallback.has_own_address = false;
  make();
  auto& same = append_to("phone:+1");
  auto& other = append_to("email:a@b.example");
  world.pass(seconds(3));
  EXPECT_EQ(storage.row(same.delivery(1)).address, "phone:+1");
  EXPECT_EQ(storage.row(other.delivery(0)).state, DeliveryState::kDead)
      << "it has nowhere to send it";
}

TEST_F(LaneFallbackTest, IsPassedOverForItsOwnWhereItHasNobodyToSendItTo) {
  policy.fallback.address_kind = "phone";
  policy.fallback.has_own_address = false;
  policy.fallback.next = std::make_shared<const LaneFallback>(LaneFallback{.output = "pager"});
  make();
  auto& pager = world.add_lane("pager");
  heal(pager);
  auto& same = append_to("phone:+1");
  auto& other = append_to("email:a@b.example");
  world.pass(seconds(3));
  EXPECT_EQ(storage.row(same.delivery(1)).output, "mail");
  EXPECT_EQ(storage.row(other.delivery(1)).output, "pager");
  EXPECT_EQ(storage.row(other.delivery(1)).state, DeliveryState::kDelivered);
}

// Whatever batch is the last one that was written.
TEST_F(LaneFallbackTest, TakesOverInTheOperationThatEndsItsPredecessor) {
  make();
  auto& group = append_to("");
  storage.set_held(true);
  for (int i = 0; i < 20; ++i) {
    const bool fell_back = storage.row(group.delivery(0)).state == DeliveryState::kFellBack;
    EXPECT_EQ(storage.rows().size(), fell_back ? 2U : 1U);
    if (storage.has_batch()) storage.finish();
    world.advance(milliseconds(300));
  }
  storage.set_held(false);
  if (storage.has_batch()) storage.finish();
  world.turn();
  EXPECT_EQ(storage.row(group.delivery(1)).state, DeliveryState::kDelivered);
}

TEST_F(LaneFallbackTest, ChainsGoOnFromOutputToOutput) {
  chat = &add(policy);
  LanePolicy second = policy;
  second.fallback.output = "pager";
  auto& sms = add(second, "mail");
  auto& pager = world.add_lane("pager");
  heal(pager);
  auto& group = append_to("");
  world.pass(seconds(5));
  EXPECT_EQ(storage.row(group.delivery(0)).state, DeliveryState::kFellBack);
  EXPECT_EQ(storage.row(group.delivery(1)).state, DeliveryState::kFellBack);
  EXPECT_EQ(storage.row(group.delivery(2)).state, DeliveryState::kDelivered);
  EXPECT_EQ(sms.output->seen.size(), 2U);
  EXPECT_EQ(pager.output->seen.size(), 1U);
}

TEST_F(LaneFallbackTest, GetsWhatWaitsOnceTheBreakerWasNotClosedForSoLong) {
  policy = quick_breaker();
  policy.fallback = {.output = "mail", .after = minutes(2)};
  make();
  append(*chat, 8);
  ASSERT_EQ(chat->lane->breaker_state(), BreakerState::kOpen);
  world.pass(minutes(2) - seconds(1));
  EXPECT_EQ(chat->output->seen.size(), 5U) << "four, and the probe after a minute";
  EXPECT_TRUE(mail->output->seen.empty());
  world.pass(seconds(2));
  EXPECT_EQ(storage.count(DeliveryState::kFellBack), 8U);
  EXPECT_EQ(storage.row(groups.back()->delivery()).reason, "the breaker was not closed for 2m");
  EXPECT_EQ(mail->output->seen.size(), 8U);
  append(*chat, 1);
  EXPECT_EQ(mail->output->seen.size(), 9U) << "what comes new goes there at once";
}

TEST_F(LaneFallbackTest, StillProbesSoThatTheOutputComesBack) {
  policy = quick_breaker();
  policy.fallback = {.output = "mail", .after = seconds(30)};
  make();
  append(*chat, 4);
  world.pass(seconds(40));
  EXPECT_EQ(storage.count(DeliveryState::kFellBack), 4U);
  heal(*chat);
  world.pass(seconds(30));  // half-open now
  append(*chat, 1);
  EXPECT_EQ(chat->output->seen.size(), 5U);
  EXPECT_EQ(chat->lane->breaker_state(), BreakerState::kClosed);
  append(*chat, 1);
  EXPECT_EQ(chat->output->seen.size(), 6U);
}

TEST_F(LaneFallbackTest, TakesOverFromAnOutputThatWasForcedOpen) {
  policy = quick_breaker();
  policy.fallback = {.output = "mail", .after = minutes(1)};
  make();
  chat->lane->force_breaker(BreakerOrder::kOpen);
  append(*chat, 2);
  world.pass(minutes(1) - seconds(1));
  EXPECT_TRUE(mail->output->seen.empty());
  world.pass(seconds(1));
  EXPECT_EQ(mail->output->seen.size(), 2U);
}

}  // namespace
}  // namespace tocsin::delivery::testing
