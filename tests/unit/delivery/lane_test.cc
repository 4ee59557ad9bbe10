#include "gateway/delivery/lane.h"

#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using message::Level;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

LanePolicy with_schedule(std::vector<Duration> waits) {
  LanePolicy policy = LanePolicy::standard();
  policy.backoff = policy::Backoff::make({.schedule = std::move(waits)}).value();
  return policy;
}

class LaneTest : public ::testing::Test {
 protected:
  FakeStorage storage;
  World world{storage};

  double metric(std::string_view line) { return world.metric(line); }
};

TEST_F(LaneTest, ShowsTheOutputAllThereIsToKnow) {
  auto& chat = world.add_lane("chat");
  auto& group = world.append(
      {.to = {chat.door()}, .level = Level::kError, .address = "email:a@b.example", .text = "hi"});
  ASSERT_EQ(chat.output->seen.size(), 1U);
  const FakeOutput::Seen& seen = chat.output->seen[0];
  EXPECT_EQ(seen.delivery, group.delivery());
  EXPECT_EQ(seen.number, 1U);
  EXPECT_EQ(seen.address, "email:a@b.example");
  EXPECT_EQ(seen.payload, R"({"topic":"t","level":"error","body":"hi"})");
  EXPECT_EQ(seen.deadline, world.clock.mono() + seconds(10));
}

TEST_F(LaneTest, KeepsTheProvidersId) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const auto&) { return delivered("msg-1"); };
  auto& group = world.append({.to = {chat.door()}});
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(storage.row(group.delivery()).provider_id, "msg-1");
  EXPECT_EQ(storage.row(group.delivery()).attempts, 1U);
}

TEST_F(LaneTest, RunsAtMostSoManyAttemptsAtATime) {
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = 3;
  auto& chat = world.add_lane("chat", policy);
  for (int i = 0; i < 6; ++i) world.append({.to = {chat.door()}});
  EXPECT_EQ(chat.output->open.size(), 3U);
  chat.output->complete();
  world.turn();
  EXPECT_EQ(chat.output->open.size(), 3U);
  EXPECT_EQ(chat.output->seen.size(), 4U);
}

TEST_F(LaneTest, GivesAnOutputAsManyAtOnceAsItTakes) {
  auto& chat = world.add_lane("chat");
  chat.output->made.batch_max = 10;
  for (int i = 0; i < 25; ++i) world.submit({{.to = {chat.door()}}});
  world.turn();
  EXPECT_EQ(chat.output->batches, (std::vector<std::size_t>{10, 10, 5}));
}

TEST_F(LaneTest, GivesAnOutputAloneWhatWasThereInACrash) {
  auto& chat = world.add_lane("chat");
  chat.output->made.batch_max = 10;
  const WallTime later = world.clock.wall() + seconds(5);
  std::vector<message::DeliveryId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(world.append({.to = {chat.door()}, .deliver_at = later}).delivery());
  }
  for (const int i : {1, 2}) {
    storage.meddle(ids[static_cast<std::size_t>(i)],
                   [](FakeStorage::Row& row) { row.crashes = 1; });
  }
  world.pass(seconds(6));
  EXPECT_EQ(chat.output->batches, (std::vector<std::size_t>{1, 1, 1, 2}));
  EXPECT_EQ(chat.output->seen.at(1).delivery, ids[1]);
}

TEST_F(LaneTest, BeginsNothingInQuarantineUntilItIsOverOrEnded) {
  auto& chat = world.add_lane("chat");
  chat.lane->quarantine(minutes(10));
  EXPECT_TRUE(chat.lane->quarantined());
  EXPECT_EQ(chat.lane->look().wait, LaneWait::kQuarantine);
  world.append({.to = {chat.door()}});
  world.pass(minutes(10) - seconds(1), seconds(5));
  EXPECT_TRUE(chat.output->seen.empty());
  world.pass(seconds(2));
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_FALSE(chat.lane->resume()) << "it has lapsed";

  chat.lane->quarantine(minutes(10));
  world.append({.to = {chat.door()}});
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_TRUE(chat.lane->resume());
  world.turn();
  EXPECT_EQ(chat.output->seen.size(), 2U);
}

TEST_F(LaneTest, RetriesOnScheduleAndThenBuriesWithTheLastReason) {
  auto& chat = world.add_lane("chat", with_schedule({seconds(5), minutes(5), minutes(30)}));
  chat.output->script = [](const auto&) { return retry("503 from the sink"); };
  auto& group = world.append({.to = {chat.door()}});
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kReady);
  EXPECT_EQ(storage.row(group.delivery()).attempts, 1U);
  world.pass(seconds(5) - milliseconds(1));
  EXPECT_EQ(chat.output->seen.size(), 1U);
  world.pass(seconds(1));  // a scheduled wait is stretched by up to a tenth
  EXPECT_EQ(chat.output->seen.size(), 2U);
  world.pass(minutes(6));
  EXPECT_EQ(chat.output->seen.size(), 3U);
  world.pass(minutes(34), seconds(4));
  EXPECT_EQ(chat.output->seen.size(), 4U);
  EXPECT_EQ(chat.output->seen.back().number, 4U);
  const auto row = storage.row(group.delivery());
  EXPECT_EQ(row.state, DeliveryState::kDead);
  EXPECT_EQ(row.reason, "gave up after attempt 4: 503 from the sink");
}

TEST_F(LaneTest, HonoursRetryAfterOverTheSchedule) {
  auto& chat = world.add_lane("chat", with_schedule({seconds(5)}));
  chat.output->script = [](const auto&) { return retry("busy", minutes(2)); };
  world.append({.to = {chat.door()}});
  world.pass(minutes(2) - milliseconds(1));
  EXPECT_EQ(chat.output->seen.size(), 1U);
  world.pass(seconds(13));
  EXPECT_EQ(chat.output->seen.size(), 2U);
}

TEST_F(LaneTest, CancelsAnAttemptAtItsDeadlineAndRetriesIt) {
  auto& chat = world.add_lane("chat", with_schedule({seconds(5)}));
  auto& group = world.append({.to = {chat.door()}});
  world.pass(seconds(10) - milliseconds(1));
  EXPECT_TRUE(chat.output->cancelled.empty());
  world.advance(milliseconds(1));
  EXPECT_EQ(chat.output->cancelled.size(), 1U);
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kReady);
  EXPECT_EQ(storage.row(group.delivery()).reason, "no verdict within 10s");
}

TEST_F(LaneTest, HoldsAnAttemptThatMayHaveArrivedWhereARepetitionWouldBeHeard) {
  auto& sms = world.add_lane("sms", LanePolicy::standard(), false);
  auto& group = world.append({.to = {sms.door()}});
  world.pass(seconds(11));
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDead);
  EXPECT_EQ(storage.row(group.delivery()).reason, "ambiguous: no verdict within 10s");
}

TEST_F(LaneTest, DropsALateAndASecondVerdictAndCountsThem) {
  auto& chat = world.add_lane("chat");
  auto& group = world.append({.to = {chat.door()}});
  const stage::AttemptToken token = chat.output->seen[0].token;
  chat.lane->complete(token, delivered());
  chat.lane->complete(token, retry());
  chat.lane->complete(0, delivered());
  chat.lane->complete(std::uint64_t{99} << 32 | 77, delivered());
  world.turn();
  chat.lane->complete(token, retry());
  world.turn();
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(metric("tocsin_completions_late_total{output=\"chat\"}"), 4);
  EXPECT_EQ(metric("tocsin_attempts_total{output=\"chat\",verdict=\"delivered\"}"), 1);
}

TEST_F(LaneTest, TakesAVerdictOutOfCancelAsLate) {
  auto& chat = world.add_lane("chat", with_schedule({seconds(5)}));
  chat.output->at_cancel = [&](stage::AttemptToken token) {
    chat.lane->complete(token, delivered());
  };
  auto& group = world.append({.to = {chat.door()}});
  world.pass(seconds(10));
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kReady);
  EXPECT_EQ(metric("tocsin_completions_late_total{output=\"chat\"}"), 1);
}

TEST_F(LaneTest, DoesNotStartWhatHasExpired) {
  LanePolicy policy = LanePolicy::standard();
  policy.expires_after = minutes(1);
  auto& chat = world.add_lane("chat", policy);
  chat.output->script = [](const auto&) { return retry("no", minutes(5)); };
  auto& by_policy = world.append({.to = {chat.door()}});
  auto& by_itself =
      world.append({.to = {chat.door()}, .expires_at = world.clock.wall() + seconds(5)});
  auto& at_once =
      world.append({.to = {chat.door()}, .expires_at = world.clock.wall() - seconds(5)});
  EXPECT_EQ(chat.output->seen.size(), 2U);
  world.pass(minutes(6), seconds(5));
  EXPECT_EQ(chat.output->seen.size(), 2U);
  for (TestGroup* group : {&by_policy, &by_itself, &at_once}) {
    EXPECT_EQ(storage.row(group->delivery()).state, DeliveryState::kDead);
    EXPECT_EQ(storage.row(group->delivery()).reason, "expired");
  }
}

TEST_F(LaneTest, WaitsWhenTheOutputAsksTo) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const stage::Attempt& attempt) {
    return attempt.address == "a" ? Verdict{.kind = VerdictKind::kThrottled, .after = minutes(1)}
                                  : delivered();
  };
  auto& group = world.append({.to = {chat.door()}, .address = "a"});
  world.append({.to = {chat.door()}, .address = "b"});
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(storage.row(group.delivery()).attempts, 0U);
  world.pass(minutes(1) - seconds(1));
  EXPECT_EQ(chat.output->seen.size(), 1U);
  chat.output->script = [](const auto&) { return delivered(); };
  world.pass(seconds(1));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
}

TEST_F(LaneTest, ClosesOneAddressAndNoOther) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const stage::Attempt& attempt) {
    return attempt.address == "a" ? Verdict{.kind = VerdictKind::kThrottled,
                                            .scope = VerdictScope::kAddress,
                                            .after = minutes(1)}
                                  : delivered();
  };
  world.append({.to = {chat.door()}, .address = "a"});
  auto& second = world.append({.to = {chat.door()}, .address = "a"});
  world.append({.to = {chat.door()}, .address = "b"});
  EXPECT_EQ(chat.output->seen.size(), 2U);
  EXPECT_EQ(storage.row(second.delivery()).state, DeliveryState::kReady);
  EXPECT_EQ(storage.row(second.delivery()).attempts, 0U);
  chat.output->script = [](const auto&) { return delivered(); };
  world.pass(minutes(1) + seconds(1));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 3U);
}

TEST_F(LaneTest, PausesOnRefusedCredentialsAndProbesEachMinute) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const auto&) {
    return Verdict{.kind = VerdictKind::kUnauthorized, .scope = VerdictScope::kAccount};
  };
  world.append({.to = {chat.door()}});
  for (int i = 0; i < 5; ++i) world.append({.to = {chat.door()}});
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(metric("tocsin_lane_paused{output=\"chat\",reason=\"unauthorized\"}"), 1);
  world.pass(minutes(3) + seconds(1));
  EXPECT_EQ(chat.output->seen.size(), 4U);  // one probe a minute
  chat.output->script = [](const auto&) { return delivered(); };
  world.pass(minutes(2));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 6U);
  EXPECT_EQ(metric("tocsin_lane_paused{output=\"chat\",reason=\"unauthorized\"}"), 0);
}

TEST_F(LaneTest, BeginsNothingWhileAnOperatorPausesItAndEndsWhatItBegan) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const auto&) { return std::nullopt; };
  TestGroup& begun = world.append({.to = {chat.door()}});
  ASSERT_EQ(chat.output->seen.size(), 1U);
  EXPECT_TRUE(chat.lane->halt());
  EXPECT_FALSE(chat.lane->halt());
  EXPECT_EQ(metric("tocsin_lane_paused{output=\"chat\",reason=\"operator\"}"), 1);
  for (int i = 0; i < 300; ++i) world.append({.to = {chat.door()}});
  chat.lane->complete(chat.output->seen[0].token, delivered());
  world.pass(minutes(10));
  EXPECT_EQ(storage.row(begun.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(chat.output->seen.size(), 1U);
  chat.output->script = [](const auto&) { return delivered(); };
  chat.lane->attach(chat.output.get());  // as a reload does
  world.turn();
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_TRUE(chat.lane->resume());
  EXPECT_FALSE(chat.lane->resume());
  world.pass(seconds(5));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 301U);
  EXPECT_EQ(metric("tocsin_lane_paused{output=\"chat\",reason=\"operator\"}"), 0);
}

class TestReschedule final : public RescheduleRequest {
 public:
  void on_answered() override { ++answers; }
  int answers = 0;
};

// So that it is counted, and can be given another time.
TEST_F(LaneTest, PausedByAnOperatorItGivesBackWhatHasNotBegun) {
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = 1;
  auto& chat = world.add_lane("chat", policy);
  std::vector<TestGroup*> groups;
  for (int i = 0; i < 3; ++i) groups.push_back(&world.append({.to = {chat.door()}}));
  ASSERT_EQ(chat.output->seen.size(), 1U);
  ASSERT_EQ(chat.lane->held(), 3U);
  chat.lane->halt();
  world.turn();
  EXPECT_EQ(chat.lane->held(), 1U) << "what has begun ends";
  EXPECT_EQ(storage.count(DeliveryState::kReady), 2U);
  groups.push_back(&world.append({.to = {chat.door()}}));
  world.pass(seconds(2));
  EXPECT_EQ(metric("tocsin_outbox_backlog{output=\"chat\"}"), 3);
  TestReschedule later;
  later.op.id = groups[1]->id();
  later.deliver_at = world.clock.wall() + hours(1);
  world.port->submit(later);
  world.turn();
  EXPECT_EQ(later.op.rescheduled, 1U);
  chat.output->complete({.kind = VerdictKind::kThrottled, .after = seconds(1)});
  world.turn();
  EXPECT_EQ(chat.lane->held(), 0U) << "nor does it keep what comes back";
  chat.output->script = [](const auto&) { return delivered(); };
  chat.lane->resume();
  world.pass(seconds(5));
  ASSERT_EQ(chat.output->seen.size(), 4U);
  EXPECT_EQ(chat.output->seen[1].delivery, groups[0]->delivery());
  EXPECT_EQ(chat.output->seen[2].delivery, groups[2]->delivery());
  EXPECT_EQ(chat.output->seen[3].delivery, groups[3]->delivery());
  world.pass(hours(1), seconds(5));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 4U);
}

TEST_F(LaneTest, GivesBackWhatWasMarkedWhenAnOperatorPausesIt) {
  auto& sms = world.add_lane("sms", LanePolicy::standard(), false);
  sms.output->script = [](const auto&) { return delivered(); };
  TestGroup& group = world.submit({{.to = {sms.door()}}});
  for (int i = 0; i < 12 && storage.count(DeliveryState::kSending) == 0; ++i) world.turn(1);
  ASSERT_EQ(storage.count(DeliveryState::kSending), 1U);
  sms.lane->halt();
  world.pass(minutes(1));
  EXPECT_TRUE(sms.output->seen.empty());
  EXPECT_EQ(sms.lane->in_flight(), 0U);
  EXPECT_NE(storage.row(group.delivery()).state, DeliveryState::kSending);
  sms.lane->resume();
  world.pass(seconds(5));
  EXPECT_EQ(sms.output->seen.size(), 1U);
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
}

TEST_F(LaneTest, BuriesAndHoldsAnAddressThatIsRefused) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const auto&) {
    return Verdict{.kind = VerdictKind::kUnauthorized, .scope = VerdictScope::kAddress};
  };
  auto& first = world.append({.to = {chat.door()}, .address = "a"});
  chat.output->script = [](const auto&) { return delivered(); };
  auto& second = world.append({.to = {chat.door()}, .address = "a"});
  EXPECT_EQ(storage.row(first.delivery()).state, DeliveryState::kDead);
  world.pass(minutes(59), seconds(5));
  EXPECT_EQ(storage.row(second.delivery()).state, DeliveryState::kReady);
  world.pass(minutes(2), seconds(5));
  EXPECT_EQ(storage.row(second.delivery()).state, DeliveryState::kDelivered);
}

TEST_F(LaneTest, RetriesAnOutputsOwnFaultsTwice) {
  auto& chat = world.add_lane("chat", with_schedule({seconds(1), seconds(1), seconds(1)}));
  chat.output->script = [](const auto&) { return Verdict{.reason = "it threw"}; };
  auto& group = world.append({.to = {chat.door()}});
  world.pass(seconds(10));
  EXPECT_EQ(chat.output->seen.size(), 3U);
  EXPECT_EQ(storage.row(group.delivery()).reason, "fault of the output: it threw");
}

TEST_F(LaneTest, MarksBeforeAnAttemptThatMustNotBeRepeated) {
  auto& sms = world.add_lane("sms", LanePolicy::standard(), false);
  storage.set_held(true);
  auto& group = world.append({.to = {sms.door()}});
  storage.finish();
  world.turn();
  EXPECT_TRUE(sms.output->seen.empty());  // the mark is under way
  ASSERT_TRUE(storage.has_batch());
  storage.finish();
  world.turn();
  EXPECT_EQ(sms.output->seen.size(), 1U);
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kSending);
  storage.set_held(false);
  sms.output->complete();
  world.turn();
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
}

TEST_F(LaneTest, DoesNotMarkWhereItMayResend) {
  LanePolicy policy = with_schedule({seconds(1)});
  policy.on_ambiguous = OnAmbiguous::kResend;
  auto& chat = world.add_lane("chat", policy, false);
  auto& group = world.append({.to = {chat.door()}});
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kClaimed);
  chat.output->complete({.kind = VerdictKind::kAmbiguous});
  world.turn();
  world.pass(seconds(2));
  EXPECT_EQ(chat.output->seen.size(), 2U);
}

TEST_F(LaneTest, LetsAStartedAttemptThatIsDeliveredWinOverACancel) {
  auto& chat = world.add_lane("chat");
  auto& wins = world.append({.to = {chat.door()}});
  auto& fails = world.append({.to = {chat.door()}});
  TestCancel one, two;
  one.op.id = wins.id();
  two.op.id = fails.id();
  world.port->submit(one);
  world.port->submit(two);
  world.turn();
  EXPECT_EQ(one.op.in_flight, 1U);
  chat.output->complete();
  chat.output->complete(retry());
  world.turn();
  EXPECT_EQ(storage.row(wins.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(storage.row(fails.delivery()).state, DeliveryState::kCancelled);
  EXPECT_EQ(metric("tocsin_deliveries_total{output=\"chat\",result=\"cancelled\"}"), 1);
}

TEST_F(LaneTest, DeliversADeadLetterThatIsRedriven) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const auto&) { return Verdict{.kind = VerdictKind::kRejected}; };
  auto& group = world.append({.to = {chat.door()}});
  ASSERT_EQ(storage.row(group.delivery()).state, DeliveryState::kDead);
  chat.output->script = [](const auto&) { return delivered(); };
  TestReview redrive;
  redrive.op.id = group.delivery();
  world.port->submit(redrive);
  world.turn();
  EXPECT_TRUE(redrive.op.changed);
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
  TestReview again;
  again.op.id = group.delivery();
  world.port->submit(again);
  world.turn();
  EXPECT_FALSE(again.op.changed);
}

TEST_F(LaneTest, CountsALostClaimAndChangesNothing) {
  auto& chat = world.add_lane("chat");
  auto& group = world.append({.to = {chat.door()}});
  storage.meddle(group.delivery(), [](FakeStorage::Row& row) { row.owner = 4711; });
  chat.output->complete();
  world.turn();
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kClaimed);
  EXPECT_EQ(metric("tocsin_deliveries_total{output=\"chat\",result=\"lost\"}"), 1);
  EXPECT_EQ(chat.lane->held(), 0U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32));
}

TEST_F(LaneTest, GivesNewAttemptsToANewInstanceAndLetsTheOldOneFinish) {
  auto& chat = world.add_lane("chat");
  world.append({.to = {chat.door()}});
  FakeOutput second(*chat.lane);
  second.made.idempotent = true;
  chat.lane->attach(&second);
  world.append({.to = {chat.door()}});
  EXPECT_EQ(chat.lane->attempts_of(*chat.output), 1U);
  EXPECT_EQ(second.seen.size(), 1U);
  chat.output->complete();
  second.complete();
  world.turn();
  EXPECT_EQ(chat.lane->attempts_of(*chat.output), 0U);
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
  chat.lane->attach(chat.output.get());
}

TEST_F(LaneTest, CutsTheAttemptsOfAnInstanceThatEndsAndTriesThemElsewhere) {
  auto& chat = world.add_lane("chat");
  world.append({.to = {chat.door()}});
  FakeOutput second(*chat.lane);
  second.made.idempotent = true;
  chat.lane->attach(&second);
  world.append({.to = {chat.door()}});
  chat.lane->cut_attempts_of(*chat.output);
  EXPECT_EQ(chat.output->cancelled.size(), 1U);
  EXPECT_EQ(chat.lane->attempts_of(*chat.output), 0U);
  EXPECT_EQ(chat.lane->attempts_of(second), 1U);
  world.turn();
  ASSERT_EQ(second.seen.size(), 2U);
  EXPECT_EQ(second.seen[1].number, 1U);  // an attempt that was cut does not count
  second.complete();
  second.complete();
  world.turn();
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
  chat.lane->attach(chat.output.get());
}

TEST_F(LaneTest, HoldsAsMuchAsItsNewConcurrencyAsksFor) {
  auto& chat = world.add_lane("chat");
  LanePolicy policy = LanePolicy::standard();
  policy.concurrency = 2;
  chat.lane->attach(chat.output.get(), policy);
  world.turn();
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(2));
  policy.concurrency = 200;
  chat.lane->attach(chat.output.get(), policy);
  policy.concurrency = 100;  // before the first was answered
  chat.lane->attach(chat.output.get(), policy);
  world.turn();
  world.turn();
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(100));
}

TEST_F(LaneTest, SaysWhatWentWrongInOneLine) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const auto&) { return retry("the sink is busy"); };
  auto& group = world.append({.to = {chat.door()}});
  world.log.flush(seconds(20));
  const std::string text = world.logged->text();
  EXPECT_NE(text.find("\"delivery_id\":\"" + group.delivery().text()), std::string::npos);
  EXPECT_NE(text.find(R"("attempt":1,"verdict":"retry","reason":"the sink is busy")"),
            std::string::npos);
}

}  // namespace
}  // namespace tocsin::delivery::testing
