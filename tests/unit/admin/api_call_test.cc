#include "gateway/admin/api_call.h"

#include "tests/unit/admin/api_fixture.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::admin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class ApiCallTest : public ApiTest {};

constexpr std::string_view kLetter = "/v1/dead-letters/dlv_0000000000007-0/redrive";

TEST_F(ApiCallTest, AsksForATokenWhereOneIsNeeded) {
  const Answer answer = get("/v1/outputs", "");
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.head, HasSubstr("WWW-Authenticate: Bearer"));
  EXPECT_THAT(answer.head, HasSubstr("application/problem+json"));
  EXPECT_EQ(get("/v1/outputs", "no-such-token-at-all").status, 401);
  EXPECT_THAT(audit.records, IsEmpty()) << "reading changes nothing";
}

TEST_F(ApiCallTest, KeepsHealthReadinessAndMetricsOpen) {
  EXPECT_EQ(get("/healthz", "").status, 200);
  EXPECT_EQ(get("/readyz", "").status, 503);
  http::RawClient client = connect();
  client.send(request("GET", "/metrics", ""));
  EXPECT_TRUE(until([&] {
    client.pull();
    return client.got().find("\r\n\r\n") != std::string::npos;
  }));
  EXPECT_EQ(read(client.take()).status, 200);
}

TEST_F(ApiCallTest, NamesTheMissingRole) {
  const Answer answer = post(kLetter, {}, kViewer);
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.json.string("detail"), "This takes the role operator; vera has viewer.");
  EXPECT_THAT(ledger.queries, IsEmpty());
}

TEST_F(ApiCallTest, LetsHigherRolesDoWhatLowerOnesMay) {
  EXPECT_EQ(get("/v1/outputs", kViewer).status, 200);
  EXPECT_EQ(get("/v1/outputs", kOperator).status, 200);
  EXPECT_EQ(get("/v1/outputs", kAdmin).status, 200);
  EXPECT_EQ(post(kLetter, {}, kAdmin).status, 404) << "allowed, but there is none";
}

TEST_F(ApiCallTest, AuditsAChangeWithAllThatMatters) {
  ledger.add_dead(7, "mail");
  const Answer answer = post(kLetter);
  ASSERT_EQ(answer.status, 200);
  ASSERT_THAT(audit.records, SizeIs(1));
  const KeptRecord& record = audit.records.front();
  EXPECT_EQ(record.who, "olga");
  EXPECT_EQ(record.role, "operator");
  EXPECT_EQ(record.action, "dead_letter.redrive");
  EXPECT_EQ(record.target, "dlv_0000000000007-0");
  EXPECT_EQ(record.result, "ok");
  EXPECT_EQ(record.status, 200);
  EXPECT_THAT(record.peer, HasSubstr("127.0.0.1:"));
  EXPECT_THAT(record.request_id, SizeIs(32));
  EXPECT_THAT(answer.head, HasSubstr("X-Request-Id: " + record.request_id));
}

TEST_F(ApiCallTest, AuditsWhatWasDeniedToo) {
  post(kLetter, {}, kViewer);
  post(kLetter, {}, "");
  post("/v1/dead-letters/nonsense/discard");
  ledger.reviews_until_down = 0;
  post(kLetter);
  ASSERT_THAT(audit.records, SizeIs(4));
  EXPECT_EQ(audit.records[0].result, "denied");
  EXPECT_EQ(audit.records[0].who, "vera");
  EXPECT_EQ(audit.records[1].result, "unauthenticated");
  EXPECT_EQ(audit.records[1].who, "");
  EXPECT_EQ(audit.records[1].role, "nobody");
  EXPECT_EQ(audit.records[2].result, "refused");
  EXPECT_EQ(audit.records[2].target, "nonsense");
  EXPECT_EQ(audit.records[3].result, "failed");
  EXPECT_THAT(audit.records[3].detail, HasSubstr("the disk is gone"));
}

TEST_F(ApiCallTest, AuditsAChangeWhoseCallerLeftBeforeTheAnswer) {
  ledger.add_dead(7, "mail");
  http::RawClient client = connect();
  client.send(request("POST", kLetter, kOperator));
  run();
  client.reset();
  run();
  ASSERT_EQ(server->connections(), 0U);
  answer_all();
  ASSERT_THAT(audit.records, SizeIs(1));
  EXPECT_EQ(audit.records.front().result, "ok");
}

TEST_F(ApiCallTest, CallsEverybodyLocalWithoutTokens) {
  serve(parts({}));
  ledger.add_dead(7, "mail");
  EXPECT_EQ(post(kLetter, {}, "").status, 200);
  EXPECT_EQ(audit.records.front().who, "local");
  EXPECT_EQ(audit.records.front().role, "admin");
  const Answer foreign = ask("POST " + std::string(kLetter) +
                             " HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n");
  EXPECT_EQ(foreign.status, 403);
}

TEST_F(ApiCallTest, RefusesUnknownParametersOfTheQuery) {
  const Answer answer = get("/v1/outputs?verbose=1");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.json.string("detail"),
            "In the query: unknown parameter \"verbose\"; this takes none.");
}

TEST_F(ApiCallTest, TakesABodyOnlyWhereOneIsDue) {
  ledger.backlog = {{"mail", 0, 1}};
  EXPECT_EQ(post(kLetter, "{}").status, 400);
  EXPECT_EQ(post("/v1/dead-letters/redrive").status, 400);
  EXPECT_EQ(ask(request("POST", "/v1/dead-letters/redrive", kOperator,
                        "Content-Type: text/plain\r\n", "{}"))
                .status,
            415);
  EXPECT_EQ(
      ask(request("POST", "/v1/dead-letters/redrive", kOperator,
                  "Content-Type: Application/JSON; charset=utf-8\r\n", R"({"output":"mail"})"))
          .status,
      200);
}

TEST_F(ApiCallTest, ReadsABodyInPieces) {
  ledger.backlog = {{"mail", 0, 1}};
  http::RawClient client = connect();
  client.send(request("POST", "/v1/dead-letters/redrive", kOperator,
                      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"));
  client.send("8\r\n{\"output\r\n");
  run();
  client.send("8\r\n\":\"mail\"\r\n");
  run();
  client.send("1\r\n}\r\n0\r\nX-Sum: 1\r\n\r\n");
  answer_all();
  client.pull();
  EXPECT_EQ(read(client.take()).status, 200);
}

TEST_F(ApiCallTest, SaysSoWhenThereAreNoNotifications) {
  AdminParts without = parts({});
  without.ledger = nullptr;
  without.emit = nullptr;
  without.outputs = nullptr;
  serve(std::move(without));
  EXPECT_EQ(get("/v1/dead-letters", "").status, 404);
  EXPECT_EQ(get("/v1/outputs", "").status, 404);
  EXPECT_EQ(post(kLetter, {}, "").status, 404);
  EXPECT_EQ(post("/v1/notifications", "{}", "").status, 404);
  EXPECT_EQ(post("/v1/dead-letters/redrive", R"({"output":"a"})", "").status, 404);
  EXPECT_EQ(get("/v1/health", "").text, "{\"status\":\"ok\",\"state\":\"starting\"}\n");
}

TEST_F(ApiCallTest, NeverLetsAnswersBeStored) {
  EXPECT_THAT(get("/v1/outputs").head, HasSubstr("Cache-Control: no-store"));
}

TEST(LogAudit, WritesALineWhateverTheLevel) {
  auto state = std::make_shared<telemetry::SinkState>();
  {
    telemetry::Log log(std::make_unique<telemetry::TestSink>(state),
                       {.level = telemetry::LogLevel::kOff});
    LogAudit audit(log);
    audit.record({.who = "olga",
                  .role = "operator",
                  .action = "dead_letter.discard",
                  .target = "dlv_1",
                  .result = "ok",
                  .status = 200,
                  .peer = "127.0.0.1:1",
                  .request_id = "abc"});
  }
  EXPECT_THAT(state->text(), HasSubstr(R"("logger":"audit")"));
  EXPECT_THAT(state->text(), HasSubstr(R"("who":"olga")"));
  EXPECT_THAT(state->text(), HasSubstr(R"("request_id":"abc")"));
}

// Without a token anybody could push the lines of real changes out of the log's queue.
TEST(LogAudit, SumsUpTriesOfNobodyAndNeverThoseOfSomebody) {
  auto state = std::make_shared<telemetry::SinkState>();
  ManualClock clock;
  {
    telemetry::Log log(std::make_unique<telemetry::TestSink>(state), {});
    LogAudit audit(log, clock);
    const AuditRecord nobody{.action = "reload", .result = "unauthenticated", .status = 401};
    for (int i = 0; i < 500; ++i) audit.record(nobody);
    for (int i = 0; i < 30; ++i) audit.record({.who = "olga", .result = "denied", .status = 403});
    clock.advance(LogAudit::kNamelessInterval);
    audit.record(nobody);
    ASSERT_TRUE(log.flush(std::chrono::seconds(10)));
  }
  const std::vector<std::string> lines = state->lines();
  EXPECT_EQ(lines.size(), LogAudit::kNamelessLinesMax + 30 + 1);
  EXPECT_THAT(lines.front(), testing::Not(HasSubstr("left_out")));
  EXPECT_THAT(lines.back(), HasSubstr(R"("left_out":490)"));
}

}  // namespace
}  // namespace tocsin::admin
