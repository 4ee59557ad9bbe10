// How fast a lane goes: rates of an output and of its addresses, accounts, room that follows the
// receiver, and who goes first when there is little of any of it.
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using message::Level;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

LanePolicy with_rate(double per_second) {
  LanePolicy policy = LanePolicy::standard();
  policy.rate = policy::RateLimit::make({.count = per_second}, 1).value();
  return policy;
}
LanePolicy with_address_rate(Duration interval) {
  LanePolicy policy = LanePolicy::standard();
  policy.rate_per_address = policy::RateLimit::make({.count = 1, .period = interval}, 1).value();
  return policy;
}

class LaneRateTest : public ::testing::Test {
 protected:
  /// An output that delivers all, and notes when it heard of each.
  World::LaneAndOutput& add(std::string name, LanePolicy policy, bool idempotent = true) {
    auto& made = world.add_lane(std::move(name), std::move(policy), idempotent);
    made.output->script = [this](const stage::Attempt& attempt) {
      begun.push_back(world.clock.mono() - start);
      by_address[std::string(attempt.address)].push_back(begun.back());
      return delivered();
    };
    return made;
  }
  void append(World::LaneAndOutput& lane, int count, const std::string& address = {},
              Level level = Level::kInfo) {
    for (int i = 0; i < count; ++i) {
      world.append({.to = {lane.door()}, .level = level, .address = address});
    }
  }

  FakeStorage storage;
  World world{storage};
  const MonoTime start = world.clock.mono();
  std::vector<Duration> begun;
  std::map<std::string, std::vector<Duration>> by_address;
};

TEST_F(LaneRateTest, SpacesAttemptsEvenlyInsteadOfFailingThem) {
  auto& chat = add("chat", with_rate(10));
  append(chat, 5);
  EXPECT_EQ(begun.size(), 1U);
  world.pass(seconds(1), milliseconds(10));
  using std::vector;
  EXPECT_EQ(begun, (vector<Duration>{milliseconds(0), milliseconds(100), milliseconds(200),
                                     milliseconds(300), milliseconds(400)}));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 5U);
  EXPECT_GE(world.metric("tocsin_lane_waits_total{output=\"chat\",reason=\"rate\"}"), 1);
}

TEST_F(LaneRateTest, TakesABacklogOnDiskAtItsRateAndInOrder) {
  auto& chat = add("chat", with_rate(10));
  append(chat, 100);
  ASSERT_GT(storage.count(DeliveryState::kReady), 0U);
  world.pass(seconds(10), milliseconds(20));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 100U);
  EXPECT_GE(begun.back(), milliseconds(9900));
  for (std::size_t i = 1; i < chat.output->seen.size(); ++i) {
    EXPECT_LT(chat.output->seen[i - 1].delivery, chat.output->seen[i].delivery);
  }
}

TEST_F(LaneRateTest, CriticalOnesGoFirstAndTheRestKeepsItsShare) {
  auto& chat = add("chat", with_rate(100));
  world.append({.to = {chat.door()}});
  append(chat, 6);
  append(chat, 20, {}, Level::kCritical);
  world.pass(seconds(1), milliseconds(10));
  std::string order;
  for (const auto& seen : chat.output->seen) {
    order += seen.level == Level::kCritical ? 'C' : 'n';
  }
  EXPECT_EQ(order, "nCCCCCCCCnCCCCCCCCnCCCCnnnn");
}

TEST_F(LaneRateTest, AReloadChangesTheRateOfWhatWaits) {
  auto& chat = add("chat", with_rate(0.1));
  append(chat, 3);
  EXPECT_EQ(begun.size(), 1U);
  chat.lane->attach(chat.output.get(), with_rate(1000));
  world.pass(seconds(11));
  EXPECT_EQ(begun.size(), 3U);
}

TEST_F(LaneRateTest, AnAddressWithoutRoomBlocksNoOther) {
  auto& chat = add("chat", with_address_rate(minutes(1)));
  append(chat, 10, "phone:1");
  append(chat, 1, "phone:2");
  EXPECT_EQ(by_address["phone:1"].size(), 1U);
  EXPECT_EQ(by_address["phone:2"].size(), 1U);
  EXPECT_EQ(storage.count(DeliveryState::kReady), 9U) << "they wait in the store";
  EXPECT_EQ(chat.lane->held(), 0U);
  EXPECT_EQ(world.metric("tocsin_deliveries_postponed_total{output=\"chat\",reason=\"address\"}"),
            9);
  world.pass(minutes(9) + seconds(1));
  ASSERT_EQ(by_address["phone:1"].size(), 10U);
  for (std::size_t i = 1; i < 10; ++i) {
    const Duration apart = by_address["phone:1"][i] - by_address["phone:1"][i - 1];
    EXPECT_GE(apart, minutes(1));
    EXPECT_LE(apart, minutes(1) + seconds(1));
  }
}

// Each claim comes a little late, so that the next one is early by the gate.
TEST_F(LaneRateTest, NobodyLosesItsTurnBecauseTheOneBeforeWasLate) {
  auto& chat = add("chat", with_address_rate(seconds(10)));
  append(chat, 12, "phone:1");
  world.pass(seconds(110) + seconds(11), milliseconds(700));
  ASSERT_EQ(by_address["phone:1"].size(), 12U);
  for (std::size_t i = 1; i < 12; ++i) {
    EXPECT_GE(by_address["phone:1"][i] - by_address["phone:1"][i - 1], seconds(10));
    EXPECT_LT(chat.output->seen[i - 1].delivery, chat.output->seen[i].delivery);
  }
}

TEST_F(LaneRateTest, WhatComesNewStaysBehindWhatWaitsForTheAddress) {
  auto& chat = add("chat", with_address_rate(seconds(10)));
  std::vector<message::DeliveryId> order;
  for (int i = 0; i < 4; ++i) {
    order.push_back(world.append({.to = {chat.door()}, .address = "phone:1"}).delivery());
    world.pass(seconds(4));
  }
  world.pass(seconds(40));
  std::vector<message::DeliveryId> seen;
  for (const auto& one : chat.output->seen) seen.push_back(one.delivery);
  EXPECT_EQ(seen, order);
}

TEST_F(LaneRateTest, AShortWaitForAnAddressStaysInMemory) {
  auto& chat = add("chat", with_address_rate(milliseconds(200)));
  append(chat, 4, "phone:1");
  append(chat, 1, "phone:2");
  EXPECT_EQ(storage.count(DeliveryState::kReady), 0U);
  EXPECT_EQ(chat.lane->held(), 3U);
  world.pass(seconds(1), milliseconds(50));
  EXPECT_EQ(by_address["phone:1"], (std::vector<Duration>{milliseconds(0), milliseconds(200),
                                                          milliseconds(400), milliseconds(600)}));
}

TEST_F(LaneRateTest, WhatIsParkedTakesOnlyAPartOfTheRoom) {
  LanePolicy policy = with_address_rate(milliseconds(100));
  policy.concurrency = 8;  // room for 16
  auto& chat = add("chat", policy);
  append(chat, 9, "phone:1");
  EXPECT_EQ(chat.lane->held(), 4U);
  EXPECT_EQ(storage.count(DeliveryState::kReady), 4U);
  append(chat, 1, "phone:2");
  EXPECT_EQ(by_address["phone:2"].size(), 1U);
  world.pass(seconds(3), milliseconds(50));
  EXPECT_EQ(by_address["phone:1"].size(), 9U);
}

TEST_F(LaneRateTest, WhatIsParkedIsCancelledAndDrainedLikeTheRest) {
  auto& chat = add("chat", with_address_rate(milliseconds(800)));
  append(chat, 1, "phone:1");
  auto& cancelled = world.append({.to = {chat.door()}, .address = "phone:1"});
  auto& drained = world.append({.to = {chat.door()}, .address = "phone:1"});
  TestCancel request;
  request.op.id = cancelled.id();
  world.port->submit(request);
  world.turn();
  EXPECT_EQ(storage.row(cancelled.delivery()).state, DeliveryState::kCancelled);
  bool done = false;
  chat.lane->drain(seconds(1), [&] { done = true; });
  world.turn();
  EXPECT_TRUE(done);
  EXPECT_EQ(storage.row(drained.delivery()).state, DeliveryState::kReady);
  world.lanes.clear();
}

TEST_F(LaneRateTest, AnUnfinishedMarkSpendsNoSecondTurnOfTheAddress) {
  auto& sms = add("sms", with_address_rate(seconds(10)), false);
  append(sms, 3, "phone:1");
  world.pass(seconds(25));
  EXPECT_EQ(by_address["phone:1"].size(), 3U);
}

// ---- throttles

TEST_F(LaneRateTest, AThrottledProviderSeesNothingBeforeRetryAfter) {
  auto& chat = add("chat", LanePolicy::standard());
  const auto deliver = chat.output->script;
  chat.output->script = [](const auto&) {
    return Verdict{.kind = VerdictKind::kThrottled, .after = seconds(90)};
  };
  append(chat, 1);
  chat.output->script = deliver;
  append(chat, 20);
  world.pass(seconds(90) - milliseconds(10), milliseconds(500));
  EXPECT_TRUE(begun.empty());
  EXPECT_EQ(chat.lane->look().wait, LaneWait::kThrottled);
  world.advance(milliseconds(10));
  EXPECT_EQ(begun.size(), 21U);
  EXPECT_EQ(begun.front(), seconds(90));
  EXPECT_EQ(chat.output->seen.front().number, 1U);
  for (const auto& seen : chat.output->seen) EXPECT_EQ(seen.number, 1U) << "nothing was spent";
}

TEST_F(LaneRateTest, BoundsWhatAReceiverMayAskFor) {
  auto& chat = add("chat", LanePolicy::standard());
  const auto deliver = chat.output->script;
  chat.output->script = [](const auto&) {
    return Verdict{.kind = VerdictKind::kThrottled, .after = std::chrono::hours(1000)};
  };
  append(chat, 1);
  chat.output->script = deliver;
  world.pass(kThrottleMax, seconds(5));
  EXPECT_EQ(begun.size(), 1U);
}

TEST_F(LaneRateTest, AReceiverThatDoesNotSayHowLongIsLeftAloneLongerEachTime) {
  auto& chat = add("chat", LanePolicy::standard());
  const auto deliver = chat.output->script;
  std::vector<Duration> asked;
  chat.output->script = [&](const auto&) {
    asked.push_back(world.worker.now() - start);
    return Verdict{.kind = VerdictKind::kThrottled};
  };
  append(chat, 1);
  world.pass(minutes(3), milliseconds(100));
  ASSERT_GE(asked.size(), 7U);
  for (std::size_t i = 1; i < 7; ++i) {
    const Duration least = std::min<Duration>(seconds(1 << (i - 1)), minutes(1));
    EXPECT_GE(asked[i] - asked[i - 1], least) << i;
    EXPECT_LE(asked[i] - asked[i - 1], least + least / 10 + milliseconds(200)) << i;
  }
  chat.output->script = deliver;
  world.pass(minutes(2), milliseconds(500));
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_EQ(chat.output->seen.back().number, 1U) << "nothing was spent";
}

TEST_F(LaneRateTest, TheFirstThatIsServedEndsTheSteps) {
  auto& chat = add("chat", LanePolicy::standard());
  const auto deliver = chat.output->script;
  const auto throttle = [](const auto&) { return Verdict{.kind = VerdictKind::kThrottled}; };
  chat.output->script = throttle;
  append(chat, 1);
  world.pass(seconds(20), milliseconds(500));
  chat.output->script = deliver;
  world.pass(minutes(1), milliseconds(500));
  ASSERT_EQ(begun.size(), 1U);
  chat.output->script = throttle;
  append(chat, 1);
  EXPECT_LE(chat.lane->look().until - world.worker.now(), milliseconds(1100));
}

// Thirty that were under way together are one burst, not thirty reasons to wait longer.
TEST_F(LaneRateTest, WhatWasUnderWayTogetherIsOneStep) {
  auto& chat = add("chat", LanePolicy::standard());
  chat.output->script = nullptr;
  append(chat, 30);
  ASSERT_EQ(chat.output->open.size(), 30U);
  world.advance(milliseconds(50));
  while (!chat.output->open.empty()) chat.output->complete({.kind = VerdictKind::kThrottled});
  world.turn();
  EXPECT_LE(chat.lane->look().until - world.worker.now(), milliseconds(1100));
}

TEST_F(LaneRateTest, AnAddressThatIsThrottledStepsByItself) {
  auto& chat = add("chat", LanePolicy::standard());
  std::vector<Duration> asked;
  const auto deliver = chat.output->script;
  chat.output->script = [&](const stage::Attempt& attempt) -> std::optional<Verdict> {
    if (attempt.address != "a") return deliver(attempt);
    asked.push_back(world.worker.now() - start);
    return Verdict{.kind = VerdictKind::kThrottled, .scope = VerdictScope::kAddress};
  };
  world.append({.to = {chat.door()}, .address = "a"});
  world.pass(seconds(9), milliseconds(100));
  ASSERT_EQ(asked.size(), 4U) << "after 1, 2 and 4 seconds, and a little";
  world.append({.to = {chat.door()}, .address = "b"});
  EXPECT_EQ(begun.size(), 1U) << "the others do not wait";
}

TEST_F(LaneRateTest, OutputsOfOneAccountWaitTogether) {
  AccountGates gates;
  auto& chat = add("chat", LanePolicy::standard());
  auto& alerts = add("alerts", LanePolicy::standard());
  auto& other = add("other", LanePolicy::standard());
  chat.lane->attach(chat.output.get(), LanePolicy::standard(), gates.find("slack", "T1"));
  alerts.lane->attach(alerts.output.get(), LanePolicy::standard(), gates.find("slack", "T1"));
  other.lane->attach(other.output.get(), LanePolicy::standard(), gates.find("slack", "T2"));
  const auto deliver = chat.output->script;
  chat.output->script = [](const auto&) {
    return Verdict{
        .kind = VerdictKind::kThrottled, .scope = VerdictScope::kAccount, .after = seconds(30)};
  };
  append(chat, 1);
  chat.output->script = deliver;
  append(alerts, 1);
  append(other, 1);
  EXPECT_EQ(begun.size(), 1U) << "the other account's";
  EXPECT_EQ(alerts.lane->look().wait, LaneWait::kAccount);
  world.pass(seconds(29));
  EXPECT_EQ(begun.size(), 1U);
  world.pass(seconds(1));
  EXPECT_EQ(begun.size(), 3U);
}

TEST_F(LaneRateTest, AnOutputThrottledByItselfLeavesItsAccountAlone) {
  AccountGates gates;
  auto& chat = add("chat", LanePolicy::standard());
  auto& alerts = add("alerts", LanePolicy::standard());
  chat.lane->attach(chat.output.get(), LanePolicy::standard(), gates.find("slack", "T1"));
  alerts.lane->attach(alerts.output.get(), LanePolicy::standard(), gates.find("slack", "T1"));
  chat.output->script = [](const auto&) {
    return Verdict{.kind = VerdictKind::kThrottled, .after = seconds(30)};
  };
  append(chat, 1);
  append(alerts, 1);
  EXPECT_EQ(begun.size(), 1U);
}

TEST_F(LaneRateTest, WithoutAnAccountItsThrottleClosesTheOutput) {
  auto& chat = add("chat", LanePolicy::standard());
  chat.output->script = [](const auto&) {
    return Verdict{
        .kind = VerdictKind::kThrottled, .scope = VerdictScope::kAccount, .after = seconds(30)};
  };
  append(chat, 1);
  EXPECT_EQ(chat.lane->look().wait, LaneWait::kThrottled);
}

// A probe that finds the receiver down says nothing about the credentials.
TEST_F(LaneRateTest, APauseEndsOnlyWhenTheCredentialsWereLookedAt) {
  auto& chat = add("chat", LanePolicy::standard());
  const auto deliver = chat.output->script;
  chat.output->script = [](const auto&) {
    return Verdict{.kind = VerdictKind::kUnauthorized, .scope = VerdictScope::kAccount};
  };
  append(chat, 3);
  EXPECT_TRUE(chat.lane->paused());
  chat.output->script = [](const auto&) { return retry("connection refused"); };
  world.pass(minutes(1) + seconds(1));
  EXPECT_EQ(chat.output->seen.size(), 2U);
  EXPECT_TRUE(chat.lane->paused());
  chat.output->script = deliver;
  world.pass(minutes(1));
  EXPECT_FALSE(chat.lane->paused());
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 3U);
}

// ---- concurrency that follows the receiver

TEST_F(LaneRateTest, RunsFewerAttemptsAtATimeWhileTheReceiverIsOverloaded) {
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = 64;
  policy.concurrency_min = 2;
  policy.breaker.reset();
  auto& chat = world.add_lane("chat", policy);
  append(chat, 60);
  const std::size_t initial = chat.output->open.size();
  EXPECT_GT(initial, 2U);
  EXPECT_LT(initial, 64U);
  for (int i = 0; i < 60; ++i) {
    chat.output->complete(retry("503", minutes(10)));
    world.advance(milliseconds(300));
  }
  EXPECT_EQ(chat.output->open.size(), 0U);
  EXPECT_EQ(world.metric("tocsin_lane_concurrency{output=\"chat\"}"), 2);
  append(chat, 60);
  EXPECT_EQ(chat.output->open.size(), 2U);
  for (int i = 0; i < 30; ++i) {
    world.advance(milliseconds(10));
    const std::size_t round = chat.output->open.size();
    for (std::size_t one = 0; one < round; ++one) chat.output->complete();
    append(chat, static_cast<int>(round));
  }
  EXPECT_GT(chat.output->open.size(), 6U);
}

}  // namespace
}  // namespace tocsin::delivery::testing
