#include "tests/unit/admin/api_fixture.h"

namespace tocsin::admin {
namespace {

class OutputsTest : public ApiTest {};

TEST_F(OutputsTest, AreShownWithLaneAndBacklog) {
  outputs.states = {{.name = "sms", .type = "twilio", .breaker = "closed"},
                    {.name = "mail",
                     .type = "smtp",
                     .spilled = true,
                     .paused = true,
                     .reason = "credentials refused",
                     .breaker = "open",
                     .in_flight = 2,
                     .in_memory = 9}};
  ledger.backlog = {{"mail", 120, 3}};
  const Answer answer = get("/v1/outputs");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(
      answer.text,
      R"({"outputs":[{"name":"mail","type":"smtp","state":"paused",)"
      R"("reason":"credentials refused","breaker":"open","lane":"spilled",)"
      R"("in_flight":2,"in_memory":9,)"
      R"("ready":120,"dead":3},{"name":"sms","type":"twilio","state":"running",)"
      R"("breaker":"closed","lane":"direct","in_flight":0,"in_memory":0,"ready":0,"dead":0}]})"
      "\n");
}

TEST_F(OutputsTest, AreShownWithoutTheFiguresOfALoopThatDoesNotAnswer) {
  outputs.states = {{.name = "sms", .type = "twilio", .silent_loop = "worker-1"}};
  ledger.backlog = {{"sms", 7, 0}};
  EXPECT_EQ(get("/v1/outputs").text,
            R"({"outputs":[{"name":"sms","type":"twilio","state":"unknown",)"
            R"("reason":"the loop worker-1 does not answer","ready":7,"dead":0}],)"
            R"("silent_loops":["worker-1"]})"
            "\n");
}

TEST_F(OutputsTest, AreOrphanedWhenOnlyTheStoreKnowsThem) {
  ledger.backlog = {{"old", 1, 0}};
  EXPECT_EQ(get("/v1/outputs").text,
            "{\"outputs\":[{\"name\":\"old\",\"state\":\"orphaned\",\"ready\":1,\"dead\":0}]}\n");
}

TEST_F(OutputsTest, AreNotShownWithoutTheStore) {
  ledger.down = Error{Code::kUnavailable, "it is gone", ""};
  EXPECT_EQ(get("/v1/outputs").status, 503);
}

TEST_F(OutputsTest, AreResumedByOperatorsAndThatIsAudited) {
  EXPECT_EQ(post("/v1/outputs/sms/resume", {}, kViewer).status, 403);
  EXPECT_EQ(outputs.resumed, "");
  const Answer answer = post("/v1/outputs/sms/resume");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "{\"output\":\"sms\",\"status\":\"resumed\"}\n");
  EXPECT_EQ(outputs.resumed, "sms");
  EXPECT_EQ(audit.records.back().action, "output.resume");
  outputs.outcome = OutputsView::Told::kWasSo;
  EXPECT_EQ(post("/v1/outputs/sms/resume").json.string("status"),
            "was neither paused nor in quarantine");
  outputs.outcome = OutputsView::Told::kDoneLater;
  EXPECT_EQ(post("/v1/outputs/sms/resume").json.string("status"), "resumes once its loop answers");
  outputs.outcome = OutputsView::Told::kNoSuchOutput;
  EXPECT_EQ(post("/v1/outputs/sms/resume").status, 404);
}

TEST_F(OutputsTest, ArePausedByOperatorsAndThatIsAudited) {
  EXPECT_EQ(post("/v1/outputs/sms/pause", {}, kViewer).status, 403);
  EXPECT_EQ(outputs.paused, "");
  const Answer answer = post("/v1/outputs/sms/pause");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "{\"output\":\"sms\",\"status\":\"paused\"}\n");
  EXPECT_EQ(outputs.paused, "sms");
  EXPECT_EQ(audit.records.back().action, "output.pause");
  outputs.outcome = OutputsView::Told::kWasSo;
  EXPECT_EQ(post("/v1/outputs/sms/pause").json.string("status"), "was paused already");
  outputs.outcome = OutputsView::Told::kDoneLater;
  EXPECT_EQ(post("/v1/outputs/sms/pause").json.string("status"), "pauses once its loop answers");
  outputs.outcome = OutputsView::Told::kNoSuchOutput;
  EXPECT_EQ(post("/v1/outputs/sms/pause").status, 404);
}

TEST_F(OutputsTest, TheirBreakersAreOrderedByOperatorsAndThatIsAudited) {
  const std::string open = R"({"state":"open"})";
  EXPECT_EQ(post("/v1/outputs/sms/breaker", open, kViewer).status, 403);
  EXPECT_FALSE(outputs.ordered);
  outputs.breaker = "forced_open";
  const Answer answer = post("/v1/outputs/sms/breaker", open);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "{\"output\":\"sms\",\"breaker\":\"forced_open\"}\n");
  EXPECT_EQ(outputs.ordered,
            (std::pair<std::string, delivery::BreakerOrder>("sms", delivery::BreakerOrder::kOpen)));
  EXPECT_EQ(audit.records.back().action, "output.breaker");
  EXPECT_EQ(audit.records.back().target, "sms");
  EXPECT_EQ(audit.records.back().detail, "open");
  post("/v1/outputs/sms/breaker", R"({"state":"closed"})");
  EXPECT_EQ(outputs.ordered->second, delivery::BreakerOrder::kClosed);
  post("/v1/outputs/sms/breaker", R"({"state":"auto"})");
  EXPECT_EQ(outputs.ordered->second, delivery::BreakerOrder::kAuto);
}

TEST_F(OutputsTest, SayThatAnOrderIsNotKeptWhileTheStoreTakesNothing) {
  ledger.takes_more = false;
  outputs.breaker = "forced_open";
  EXPECT_EQ(post("/v1/outputs/sms/breaker", R"({"state":"open"})").text,
            "{\"output\":\"sms\",\"breaker\":\"forced_open\",\"kept\":false}\n");
  EXPECT_EQ(post("/v1/outputs/sms/pause").text,
            "{\"output\":\"sms\",\"status\":\"paused\",\"kept\":false}\n");
  EXPECT_FALSE(post("/v1/outputs/sms/resume").json.boolean("kept"));
}

TEST_F(OutputsTest, TheirBreakersTakeNoOrderThatIsNotUnderstood) {
  outputs.breaker.reset();
  EXPECT_EQ(post("/v1/outputs/gone/breaker", R"({"state":"open"})").status, 404);
  outputs.ordered.reset();
  const auto pointer_of = [&](std::string_view body) {
    const Answer answer = post("/v1/outputs/sms/breaker", body);
    EXPECT_EQ(answer.status, 400) << body;
    const Value* pointer = answer.json.find("pointer");
    return pointer == nullptr ? "" : pointer->as<std::string>();
  };
  EXPECT_EQ(pointer_of(R"({"state":"ajar"})"), "/state");
  EXPECT_EQ(pointer_of(R"({"state":1})"), "/state");
  EXPECT_EQ(pointer_of("{}"), "/state");
  EXPECT_EQ(pointer_of(R"({"state":"open","for":"1h"})"), "/for");
  EXPECT_EQ(pointer_of("[]"), "");
  EXPECT_FALSE(outputs.ordered);
}

TEST_F(OutputsTest, HealthIsDegradedWhileALoopStandsStill) {
  FakeLoops loops;
  AdminParts own = parts({{"vera", std::string(kViewer), Role::kViewer}});
  own.loops = &loops;
  serve(std::move(own));
  EXPECT_EQ(get("/v1/health").json.string("status"), "ok");
  loops.loops = {{.name = "worker-1",
                  .busy = std::chrono::milliseconds(2500),
                  .plugin = "output/sms",
                  .id = "oncall",
                  .callback = "deliver",
                  .stack = {"output_sms.so(+0x2f1c)", "tocsin(+0x10)"}}};
  const Answer answer = get("/v1/health");
  EXPECT_EQ(answer.json.string("status"), "degraded");
  constexpr std::string_view kWanted =
      R"x("stuck_loops":[{"name":"worker-1","busy_ms":2500,"plugin":"output/sms","id":"oncall",)x"
      R"x("callback":"deliver","stack":["output_sms.so(+0x2f1c)","tocsin(+0x10)"]}])x";
  EXPECT_NE(answer.text.find(kWanted), std::string::npos) << answer.text;
}

TEST_F(OutputsTest, GiveWhatWaitsToAnother) {
  ledger.backlog = {{"old", 1, 1}};
  outputs.states = {{.name = "mail", .type = "smtp"}};
  ledger.movable_ready = 1200;
  ledger.movable_dead = 3;
  const Answer answer = post("/v1/outputs/move", R"({"from":"old","to":"mail","dead":true})");
  EXPECT_EQ(answer.text, R"({"from":"old","to":"mail","ready":1200,"dead":3,"more":false})"
                         "\n");
  EXPECT_EQ(ledger.moves, (std::vector<std::string>{"old ready mail", "old ready mail",
                                                    "old ready mail", "old dead mail"}));
  const KeptRecord& record = audit.records.back();
  EXPECT_EQ(record.who, "olga");
  EXPECT_EQ(record.action, "output.move");
  EXPECT_EQ(record.target, "old to mail");
  EXPECT_EQ(record.detail, "1200 ready, 3 dead");
}

TEST_F(OutputsTest, MoveABoundedNumberARequest) {
  ledger.backlog = {{"old", 1, 1}};
  outputs.states = {{.name = "mail", .type = "smtp"}};
  ledger.movable_ready = 10'600;
  const std::string body = R"({"from":"old","to":"mail"})";
  Answer answer = post("/v1/outputs/move", body);
  EXPECT_EQ(answer.json.integer("ready"), 10'000);
  EXPECT_TRUE(answer.json.boolean("more"));
  answer = post("/v1/outputs/move", body);
  EXPECT_EQ(answer.json.integer("ready"), 600);
  EXPECT_FALSE(answer.json.boolean("more"));
}

TEST_F(OutputsTest, SayWhatWouldMove) {
  outputs.states = {{.name = "mail", .type = "smtp"}};
  ledger.backlog = {{"old", 7, 2}};
  const Answer answer =
      post("/v1/outputs/move", R"({"from":"old","to":"mail","dead":true,"dry_run":true})");
  EXPECT_EQ(answer.json.integer("ready"), 7);
  EXPECT_EQ(answer.json.integer("dead"), 2);
  EXPECT_TRUE(ledger.moves.empty());
}

TEST_F(OutputsTest, MoveOnlyToWhatIsConfigured) {
  outputs.states = {{.name = "mail", .type = "smtp"}};
  ledger.backlog = {{"old", 7, 2}};
  const auto pointer_of = [&](std::string_view body, int status = 400) {
    const Answer answer = post("/v1/outputs/move", body);
    EXPECT_EQ(answer.status, status) << body;
    const Value* pointer = answer.json.find("pointer");
    return pointer == nullptr ? "none" : pointer->as<std::string>();
  };
  EXPECT_EQ(pointer_of(R"({"from":"old","to":"gone"})", 404), "/to");
  EXPECT_EQ(pointer_of(R"({"from":"typo","to":"mail"})", 404), "/from");
  EXPECT_EQ(pointer_of(R"({"from":"mail","to":"mail"})"), "/to");
  EXPECT_EQ(pointer_of(R"({"from":7,"to":"mail"})"), "/from");
  EXPECT_EQ(pointer_of(R"({"from":"old","to":"mail","dead":"yes"})"), "/dead");
  EXPECT_EQ(pointer_of(R"({"from":"old"})"), "/to");
  EXPECT_EQ(pointer_of(R"({"from":"old","to":"mail","all":true})"), "/all");
  EXPECT_EQ(post("/v1/outputs/move", R"({"from":"old","to":"mail"})", kViewer).status, 403);
  EXPECT_TRUE(ledger.moves.empty());
}

TEST_F(OutputsTest, SayHowFarAMoveCame) {
  outputs.states = {{.name = "mail", .type = "smtp"}};
  ledger.backlog = {{"old", 1, 1}};
  ledger.moves_fail = true;
  const Answer answer = post("/v1/outputs/move", R"({"from":"old","to":"mail"})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.json.string("detail").find("0 were moved before"), std::string::npos);
}

TEST_F(OutputsTest, HealthCountsWhatWaitsAndSinceWhen) {
  readiness.set(Readiness::State::kReady);
  ledger.health = {.size_bytes = 4096,
                   .free_disk_bytes = 1'000'000,
                   .oldest_ready = clock.wall() - std::chrono::seconds(90)};
  const WallTime now = clock.wall();
  ledger.backlog = {{"mail", 120, 3, now - std::chrono::seconds(5)},
                    {"old", 0, 1},
                    {"sms", 1, 0, now - std::chrono::seconds(90)}};
  EXPECT_EQ(get("/v1/health").text,
            R"({"status":"ok","state":"ready","store":{"accepting":true,"size_bytes":4096,)"
            R"("free_disk_bytes":1000000,"oldest_ready_at":"2025-12-31T23:58:30.000Z",)"
            R"("oldest_ready_age_ms":90000},"backlog":{"ready":121,"dead":4,"waiting":[)"
            R"({"output":"sms","ready":1,"oldest_ready_at":"2025-12-31T23:58:30.000Z",)"
            R"("oldest_ready_age_ms":90000},)"
            R"({"output":"mail","ready":120,"oldest_ready_at":"2025-12-31T23:59:55.000Z",)"
            R"("oldest_ready_age_ms":5000}]}})"
            "\n");
}

TEST_F(OutputsTest, HealthNamesTheTenThatWaitLongest) {
  for (int i = 0; i < 30; ++i) {
    ledger.backlog.push_back(
        {"output-" + std::to_string(i), 1, 0, clock.wall() - std::chrono::seconds(i)});
  }
  const Answer answer = get("/v1/health");
  const auto& waiting = answer.json.at("backlog").at("waiting").as<Value::List>();
  ASSERT_EQ(waiting.size(), 10U);
  EXPECT_EQ(waiting[0].string("output"), "output-29");
  EXPECT_EQ(waiting[9].string("output"), "output-20");
}

TEST_F(OutputsTest, SayHowLongTheirOldestHasBeenDue) {
  outputs.states = {{.name = "mail", .type = "smtp"}, {.name = "sms", .type = "twilio"}};
  ledger.backlog = {{"later", 1, 0, clock.wall() + std::chrono::hours(1)},
                    {"mail", 7, 0, clock.wall() - std::chrono::seconds(90)}};
  const Answer answer = get("/v1/outputs");
  const auto& shown = answer.json.at("outputs").as<Value::List>();
  ASSERT_EQ(shown.size(), 3U);
  EXPECT_EQ(shown[0].integer("oldest_ready_age_ms"), 0) << "it is not due yet";
  EXPECT_EQ(shown[1].integer("oldest_ready_age_ms"), 90'000);
  EXPECT_EQ(shown[1].string("oldest_ready_at"), "2025-12-31T23:58:30.000Z");
  EXPECT_EQ(shown[2].find("oldest_ready_at"), nullptr) << "nothing waits";
}

TEST_F(OutputsTest, HealthIsDegradedWithoutTheStore) {
  ledger.down = Error{Code::kUnavailable, "it is gone", ""};
  const Answer answer = get("/v1/health");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json.string("status"), "degraded");
  EXPECT_EQ(answer.json.at("store").string("error"), "it is gone");
}

TEST_F(OutputsTest, HealthIsDegradedWhileTheStoreCanBeReadButKeepsNothing) {
  ledger.takes_more = false;
  const Answer answer = get("/v1/health");
  EXPECT_EQ(answer.json.string("status"), "degraded");
  EXPECT_FALSE(answer.json.at("store").boolean("accepting"));
}

TEST_F(OutputsTest, ReadinessEndsWhileTheStoreTakesNothing) {
  readiness.set(Readiness::State::kReady);
  EXPECT_EQ(get("/readyz").status, 200);
  ledger.takes_more = false;
  const Answer unready = get("/readyz");
  EXPECT_EQ(unready.status, 503);
  EXPECT_EQ(unready.text, R"({"status":"unavailable","reason":"the store takes nothing"})"
                          "\n");
  // What ends the process anyway is said first.
  readiness.set(Readiness::State::kDraining);
  EXPECT_EQ(get("/readyz").json.string("status"), "draining");
  readiness.set(Readiness::State::kReady);
  ledger.takes_more = true;
  EXPECT_EQ(get("/readyz").status, 200);
}

}  // namespace
}  // namespace tocsin::admin
