#include "gateway/delivery/intake.h"

#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using Kind = stage::EmitOutcome::Kind;
using std::chrono::seconds;

/// Keeps what came of each emit.
class Answers final : public stage::EmitDone {
 public:
  void on_emitted(std::span<const stage::EmitOutcome> outcomes) override {
    all.emplace_back(outcomes.begin(), outcomes.end());
    if (at_answer) at_answer();
  }
  const stage::EmitOutcome& only() const { return all.back().front(); }

  std::vector<std::vector<stage::EmitOutcome>> all;
  std::function<void()> at_answer;
};

/// Drops, holds or passes as the topic says, and keeps what it hears.
class FakeFilter final : public stage::Filter {
 public:
  std::string_view name() const override { return "fake"; }
  stage::FilterStatus on_message(stage::FilterCall& call) override {
    identities.emplace_back(call.identity());
    call.remember(identities.size());
    if (call.notification().topic == "drop") return stage::FilterStatus::kDrop;
    if (call.notification().topic != "hold") return stage::FilterStatus::kPass;
    held.push_back(&call);
    return stage::FilterStatus::kHold;
  }
  void on_outcome(std::uint64_t reservation, bool committed) override {
    fates.emplace_back(reservation, committed);
  }

  std::vector<std::string> identities;
  std::vector<stage::FilterCall*> held;
  std::vector<std::pair<std::uint64_t, bool>> fates;
};

class IntakeTest : public ::testing::Test {
 protected:
  IntakeTest() {
    mail.output->script = chat.output->script = [](const auto&) { return delivered(); };
  }
  ~IntakeTest() override {
    world.turn();
    EXPECT_TRUE(intake.idle());
  }

  /// Emits one item and turns until it is answered.
  const stage::EmitOutcome& emit(std::string_view json, std::string_view key = {},
                                 std::string_view caller = "shop") {
    const stage::EmitItem item{json, key};
    EXPECT_TRUE(intake.emit({"api", caller, 0, {&item, 1}}, answers));
    world.turn();
    return answers.only();
  }
  double metric(std::string_view line) {
    const std::string text = world.metrics.expose();
    const std::size_t at = text.find(std::string(line) + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size() + 1));
  }
  static std::vector<routing::Route> routes() {
    std::vector<routing::Route> made(2);
    made[0].outputs = {0};
    made[0].match.topics.push_back(*policy::Glob::compile("only.chat"));
    made[1].outputs = {0, 1};
    made[1].match.topics.push_back(*policy::Glob::compile("*"));
    return made;
  }

  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& chat = world.add_lane("chat");
  World::LaneAndOutput& mail = world.add_lane("mail");
  routing::Router router{routes()};
  FakeFilter filter;
  Answers answers;
  OverloadGuard guard{world.metrics};
  Intake intake{*world.port,
                world.pool,
                world.metrics,
                guard,
                {{&filter},
                 router,
                 {{}, {.address_kind = "email", .has_own_address = false}},
                 {chat.door(), mail.door()}},
                world.front.key_secret()};
};

constexpr std::string_view kBoth = R"({"topic":"both","level":"info","to":["email:a@b.example"]})";

TEST_F(IntakeTest, CommitsAndThenDeliversToEachOutput) {
  const auto& outcome = emit(kBoth);
  EXPECT_EQ(outcome.kind, Kind::kCommitted);
  EXPECT_EQ(outcome.deliveries, 2U);
  ASSERT_EQ(chat.output->seen.size(), 1U);
  ASSERT_EQ(mail.output->seen.size(), 1U);
  EXPECT_EQ(chat.output->seen[0].delivery, (message::DeliveryId{outcome.id, 0}));
  EXPECT_EQ(mail.output->seen[0].address, "email:a@b.example");
  EXPECT_EQ(mail.output->seen[0].payload, kBoth);
  EXPECT_EQ(filter.fates, (std::vector<std::pair<std::uint64_t, bool>>{{1, true}}));
  EXPECT_EQ(metric(R"(tocsin_notifications_total{input="api",outcome="committed"})"), 1);
}

TEST_F(IntakeTest, TellsWhatIsWrongWithAnItemAndStoresNothing) {
  const auto& outcome = emit(R"({"topic":"x","labels":{"team":7}})");
  EXPECT_EQ(outcome.kind, Kind::kInvalid);
  EXPECT_EQ(outcome.pointer, "/labels/team");
  EXPECT_FALSE(outcome.text.empty());
  EXPECT_EQ(storage.notifications(), 0U);
}

TEST_F(IntakeTest, RefusesWhatIsNotCriticalWhileThereIsTooMuchToDo) {
  guard.set_limits({.backlog_max = 4});
  guard.observe({.backlog = 4});
  const auto& refused = emit(kBoth);
  EXPECT_EQ(refused.kind, Kind::kFull);
  EXPECT_EQ(refused.text, overload_sentence(Overload::kBacklog));
  EXPECT_GT(refused.retry_after, Duration::zero());
  EXPECT_EQ(emit(R"({"topic":"both","level":"critical","to":["email:a@b.example"]})").kind,
            Kind::kCommitted);
  guard.observe({.backlog = 0});
  EXPECT_EQ(emit(kBoth).kind, Kind::kCommitted);
  EXPECT_EQ(storage.notifications(), 2U);
}

TEST_F(IntakeTest, RefusesAllBehindOneThatIsRefused) {
  guard.set_limits({.backlog_max = 4});
  guard.observe({.backlog = 4});
  const std::vector<stage::EmitItem> items = {{R"({"topic":"both","level":"critical"})", {}},
                                              {kBoth, {}},
                                              {R"({"topic":"both","level":"critical"})", {}}};
  EXPECT_TRUE(intake.emit({"api", "shop", 0, items}, answers));
  world.turn();
  ASSERT_EQ(answers.all.back().size(), 3U);
  EXPECT_EQ(answers.all.back()[0].kind, Kind::kCommitted);
  EXPECT_EQ(answers.all.back()[1].kind, Kind::kFull);
  EXPECT_EQ(answers.all.back()[2].kind, Kind::kFull);
}

TEST_F(IntakeTest, AnIngestIsInFlightUntilItsOutcomeIsTold) {
  guard.set_limits({.ingests_max = 1});
  const stage::EmitItem item{R"({"topic":"hold"})", {}};
  ASSERT_TRUE(intake.emit({"api", "shop", 0, {&item, 1}}, answers));
  EXPECT_EQ(emit(kBoth).kind, Kind::kFull);
  filter.held.front()->decide(stage::FilterStatus::kDrop);
  world.turn();
  EXPECT_EQ(emit(kBoth).kind, Kind::kCommitted);
}

TEST_F(IntakeTest, NamesTheFilterThatDropped) {
  const auto& outcome = emit(R"({"topic":"drop"})");
  EXPECT_EQ(outcome.kind, Kind::kDropped);
  EXPECT_EQ(outcome.text, "fake");
  EXPECT_EQ(filter.fates, (std::vector<std::pair<std::uint64_t, bool>>{{1, false}}));
}

TEST_F(IntakeTest, SaysWhenNobodyWouldHear) {
  EXPECT_EQ(emit(R"({"topic":"a.b.c"})").kind, Kind::kUnrouted);
  std::string many = R"({"topic":"both","to":["email:0")";
  for (int i = 1; i < 1000; ++i) many += ",\"email:" + std::to_string(i) + "\"";
  EXPECT_EQ(emit(many + "]}").kind, Kind::kTooMany);
  EXPECT_EQ(storage.notifications(), 0U);
}

TEST_F(IntakeTest, AppendsARequestsItemsTogetherAndAnswersInTheirOrder) {
  const stage::EmitItem items[] = {{kBoth, {}},
                                   {R"({"topic":)", {}},
                                   {R"({"topic":"drop"})", {}},
                                   {R"({"topic":"only.chat"})", {}}};
  ASSERT_TRUE(intake.emit({"api", "shop", 0, items}, answers));
  EXPECT_TRUE(answers.all.empty());
  world.turn();
  ASSERT_EQ(answers.all.size(), 1U);
  const auto& got = answers.all[0];
  EXPECT_EQ(got[0].kind, Kind::kCommitted);
  EXPECT_EQ(got[1].kind, Kind::kInvalid);
  EXPECT_EQ(got[2].kind, Kind::kDropped);
  EXPECT_EQ(got[3].kind, Kind::kCommitted);
  EXPECT_EQ(got[3].deliveries, 1U);
  EXPECT_GT(got[3].id, got[0].id);
  EXPECT_EQ(world.front.room().appends(), 0U);
}

TEST_F(IntakeTest, RepeatsTheAnswerToAKeyAndRefusesAnotherBody) {
  const auto first = emit(kBoth, "k1");
  ASSERT_EQ(first.kind, Kind::kCommitted);
  const auto again = emit(kBoth, "k1");
  EXPECT_EQ(again.kind, Kind::kReplayed);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.deliveries, 2U);
  EXPECT_EQ(emit(R"({"topic":"both"})", "k1").kind, Kind::kConflict);
  EXPECT_EQ(emit(kBoth, "k1", "another caller").kind, Kind::kCommitted);
  EXPECT_EQ(chat.output->seen.size(), 2U);
  EXPECT_EQ(chat.door()->credits(), LaneDoor::capacity_for(32));
  ASSERT_EQ(filter.identities.size(), 4U);
  EXPECT_EQ(filter.identities[0], filter.identities[1]);
  EXPECT_NE(filter.identities[0], filter.identities[3]);
}

TEST_F(IntakeTest, GivesConcurrentTwinsOneNotification) {
  const stage::EmitItem item{kBoth, "twin"};
  ASSERT_TRUE(intake.emit({"api", "shop", 0, {&item, 1}}, answers));
  ASSERT_TRUE(intake.emit({"api", "shop", 0, {&item, 1}}, answers));
  world.turn();
  ASSERT_EQ(answers.all.size(), 2U);
  EXPECT_EQ(answers.all[0][0].kind, Kind::kCommitted);
  EXPECT_EQ(answers.all[1][0].kind, Kind::kReplayed);
  EXPECT_EQ(answers.all[0][0].id, answers.all[1][0].id);
  EXPECT_EQ(storage.notifications(), 1U);
}

TEST_F(IntakeTest, RefusesTwoKeysForOneNotification) {
  const std::string_view json = R"({"topic":"both","idempotency_key":"own"})";
  const auto refused = emit(json, "other");
  EXPECT_EQ(refused.kind, Kind::kInvalid);
  EXPECT_EQ(refused.pointer, "/idempotency_key");
  EXPECT_EQ(storage.notifications(), 0U);
  EXPECT_NE(emit(json, "own").kind, Kind::kInvalid);
}

TEST_F(IntakeTest, KeepsTheKeyOfWhatAFilterDropped) {
  const std::string_view json = R"({"topic":"drop","idempotency_key":"own"})";
  const auto first = emit(json);
  EXPECT_EQ(first.kind, Kind::kDropped);
  EXPECT_EQ(first.text, "fake");
  const auto again = emit(json);
  EXPECT_EQ(again.kind, Kind::kReplayed);
  EXPECT_EQ(again.text, "fake");
  EXPECT_EQ(storage.notifications(), 0U);
}

TEST_F(IntakeTest, AnswersStoreDownAtOnceAndTheFilterHears) {
  storage.set_down(true);
  const auto outcome = emit(kBoth);
  EXPECT_EQ(outcome.kind, Kind::kStoreDown);
  EXPECT_EQ(outcome.retry_after, seconds(5));
  EXPECT_EQ(filter.fates, (std::vector<std::pair<std::uint64_t, bool>>{{1, false}}));
  EXPECT_EQ(emit(kBoth).kind, Kind::kStoreDown);
  EXPECT_EQ(filter.identities.size(), 1U);  // the second was not even decoded
  storage.set_down(false);
  world.pass(seconds(6));
  EXPECT_EQ(emit(kBoth).kind, Kind::kCommitted);
}

TEST_F(IntakeTest, SaysFullAtOnce) {
  ASSERT_TRUE(world.port->reserve(WaitingRoom::kAppendsMax, 0));
  const stage::EmitItem item{kBoth, {}};
  EXPECT_FALSE(intake.emit({"api", "shop", 0, {&item, 1}}, answers));
  world.port->release(WaitingRoom::kAppendsMax, 0);
  world.turn();
  EXPECT_TRUE(answers.all.empty());
  EXPECT_EQ(metric(R"(tocsin_notifications_total{input="api",outcome="full"})"), 1);
}

TEST_F(IntakeTest, WaitsForAFilterThatHolds) {
  const stage::EmitItem items[] = {{R"({"topic":"hold"})", {}}, {kBoth, {}}};
  ASSERT_TRUE(intake.emit({"api", "shop", 0, items}, answers));
  world.turn();
  EXPECT_TRUE(answers.all.empty());
  EXPECT_FALSE(intake.idle());
  filter.held[0]->decide(stage::FilterStatus::kPass);
  world.turn();
  ASSERT_EQ(answers.all.size(), 1U);
  EXPECT_EQ(answers.all[0][0].kind, Kind::kCommitted);
  EXPECT_LT(answers.all[0][0].id, answers.all[0][1].id);
}

TEST_F(IntakeTest, KeepsTheOrderOfAStreamOverAHold) {
  const stage::EmitItem held{R"({"topic":"hold"})", {}};
  const stage::EmitItem plain{kBoth, {}};
  ASSERT_TRUE(intake.emit({"api", "", 9, {&held, 1}}, answers));
  ASSERT_TRUE(intake.emit({"api", "", 9, {&plain, 1}}, answers));
  world.turn();
  EXPECT_TRUE(answers.all.empty());
  filter.held[0]->decide(stage::FilterStatus::kPass);
  world.turn();
  ASSERT_EQ(answers.all.size(), 2U);
  EXPECT_LT(answers.all[0][0].id, answers.all[1][0].id);
}

TEST_F(IntakeTest, DeliversThoughNobodyWaitsForTheOutcome) {
  const stage::EmitItem item{kBoth, {}};
  ASSERT_TRUE(intake.emit({"api", "shop", 0, {&item, 1}}, answers));
  intake.abandon(answers);
  world.turn();
  EXPECT_TRUE(answers.all.empty());
  EXPECT_EQ(chat.output->seen.size(), 1U);
}

TEST_F(IntakeTest, MayBeAskedAgainFromAnAnswer) {
  int more = 3;
  answers.at_answer = [&] {
    if (--more == 0) return;
    const stage::EmitItem item{kBoth, {}};
    ASSERT_TRUE(intake.emit({"api", "shop", 0, {&item, 1}}, answers));
  };
  emit(kBoth);
  world.turn(30);
  EXPECT_EQ(answers.all.size(), 3U);
}

TEST_F(IntakeTest, KeepsForLaterWhatAsksForIt) {
  emit(R"({"topic":"only.chat","delay":"5m"})");
  EXPECT_TRUE(chat.output->seen.empty());
  world.pass(std::chrono::minutes(5), seconds(4));
  EXPECT_EQ(chat.output->seen.size(), 1U);
}

}  // namespace
}  // namespace tocsin::delivery::testing
