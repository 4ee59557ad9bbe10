#include "gateway/script/output.h"

#include "gateway/script/verdict_table.h"
#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;
using namespace std::chrono_literals;

/// What a lane would hear.
struct Heard final : stage::AttemptDone {
  void complete(stage::AttemptToken token, Verdict verdict) override {
    verdicts.emplace_back(token, std::move(verdict));
    if (on_complete) on_complete();
  }
  std::vector<std::pair<stage::AttemptToken, Verdict>> verdicts;
  std::function<void()> on_complete;
};

class Output : public ScriptTest {
 protected:
  ScriptOutput& output_of(std::string_view deliver) {
    outputs.push_back(std::make_unique<ScriptOutput>(
        worker_of(instance_of(script_of(
            Kind::kOutput, "return {deliver = function(a)\n" + std::string(deliver) + "\nend}"))),
        heard));
    return *outputs.back();
  }
  stage::Attempt attempt(stage::AttemptToken token) {
    return {.token = token,
            .delivery = {{42}, 1},
            .number = 3,
            .notification = &notification,
            .payload = R"({"topic":"orders"})",
            .address = "chat:ops",
            .accepted_at = clock.wall(),
            .deadline = clock.mono() + 10s};
  }
  Verdict verdict_of(std::string_view deliver) {
    heard.verdicts.clear();
    const stage::Attempt one[] = {attempt(7)};
    output_of(deliver).deliver(one);
    EXPECT_EQ(heard.verdicts.size(), 1U) << deliver;
    return heard.verdicts.empty() ? Verdict{} : heard.verdicts[0].second;
  }

  message::Notification notification{.topic = "orders"};
  Heard heard;
  std::vector<std::unique_ptr<ScriptOutput>> outputs;
};

TEST_F(Output, SeesItsAttempt) {
  EXPECT_EQ(verdict_of(R"(
    assert(a.number == 3 and a.address == "chat:ops" and a.payload == '{"topic":"orders"}')
    assert(a.id:match("^dlv_%w+%-1$") and a.notification_id:match("^ntf_%w+$"))
    assert(a.accepted_at == tocsin.now() and a.notification.topic == "orders")
    return "delivered", {provider_id = "p-1"})")
                .provider_id,
            "p-1")
      << logged();
}

TEST_F(Output, GivesEveryVerdict) {
  EXPECT_EQ(verdict_of("return \"delivered\"").kind, VerdictKind::kDelivered);
  EXPECT_EQ(verdict_of("return \"target_gone\"").kind, VerdictKind::kTargetGone);
  EXPECT_EQ(verdict_of("return \"ambiguous\"").kind, VerdictKind::kAmbiguous);
  const Verdict retry = verdict_of("return \"retry\", {after_ms = 1500, reason = \"busy\"}");
  EXPECT_EQ(retry.kind, VerdictKind::kRetry);
  EXPECT_EQ(retry.after, Duration(1500ms));
  EXPECT_EQ(retry.reason, "busy");
  const Verdict throttled = verdict_of("return \"throttled\", {scope = \"account\"}");
  EXPECT_EQ(throttled.kind, VerdictKind::kThrottled);
  EXPECT_EQ(throttled.scope, VerdictScope::kAccount);
}

TEST_F(Output, IsAtFaultForWhatIsNoVerdict) {
  for (const char* deliver :
       {"", "return 1", "return \"done\"", "error(\"x\")", "return \"retry\", {scope = \"moon\"}",
        "return \"retry\", 5", "while true do end"}) {
    const Verdict verdict = verdict_of(deliver);
    EXPECT_EQ(verdict.kind, VerdictKind::kInternal) << deliver;
    EXPECT_FALSE(verdict.reason.empty()) << deliver;
  }
  EXPECT_NE(verdict_of("return \"done\"").reason.find("deliver returned no verdict: done"),
            std::string::npos);
}

TEST_F(Output, CompletesLaterAndOnce) {
  ScriptOutput& output = output_of("tocsin.sleep(10) return \"delivered\"");
  const stage::Attempt attempts[] = {attempt(1), attempt(2)};
  output.deliver(attempts);
  EXPECT_TRUE(heard.verdicts.empty());
  advance(20ms);
  EXPECT_EQ(heard.verdicts.size(), 2U);
  output.cancel(1);
  advance(1s);
  EXPECT_EQ(heard.verdicts.size(), 2U);
}

TEST_F(Output, SaysNothingOfWhatWasCancelled) {
  ScriptOutput& output = output_of("tocsin.sleep(10) return \"delivered\"");
  const stage::Attempt attempts[] = {attempt(1), attempt(2)};
  output.deliver(attempts);
  output.cancel(1);
  output.cancel(99);
  advance(20ms);
  ASSERT_EQ(heard.verdicts.size(), 1U);
  EXPECT_EQ(heard.verdicts[0].first, 2U);
}

TEST_F(Output, TakesMoreFromInsideOfAVerdictWithoutGrowingTheStack) {
  ScriptOutput& output = output_of("return \"delivered\"");
  int depth = 0;
  int deepest = 0;
  stage::AttemptToken next = 2;
  heard.on_complete = [&] {
    deepest = std::max(deepest, ++depth);
    if (next < 1000) {
      const stage::Attempt more[] = {attempt(next++)};
      output.deliver(more);
    }
    --depth;
  };
  const stage::Attempt first[] = {attempt(1)};
  output.deliver(first);
  EXPECT_EQ(heard.verdicts.size(), 999U);
  EXPECT_EQ(deepest, 1);
}

TEST_F(Output, ReadsAnAnswerAsEveryOutputDoes) {
  const auto kind = [this](const std::string& arguments) {
    return verdict_of("return tocsin.http.verdict(" + arguments + ")").kind;
  };
  EXPECT_EQ(kind("{status = 204, headers = {}}"), VerdictKind::kDelivered);
  EXPECT_EQ(kind("{status = 404, headers = {}}"), VerdictKind::kRejected);
  EXPECT_EQ(kind("{status = 410, headers = {}}"), VerdictKind::kTargetGone);
  EXPECT_EQ(kind("nil, {what = \"x\", sent = false}"), VerdictKind::kRetry);
  EXPECT_EQ(kind("nil, {what = \"x\", sent = true}"), VerdictKind::kAmbiguous);
  EXPECT_EQ(kind("nil, {what = \"x\", sent = true, idempotent = true}"), VerdictKind::kRetry);
  const Verdict throttled = verdict_of(
      "return tocsin.http.verdict({status = 429, headers = {[\"retry-after\"] = \"7\"}})");
  EXPECT_EQ(throttled.kind, VerdictKind::kThrottled);
  EXPECT_EQ(throttled.after, Duration(7s));
}

TEST_F(Output, SaysWhenThereIsNoClient) {
  const Verdict verdict = verdict_of("return tocsin.http.request{url = \"http://x.example/\"}");
  EXPECT_NE(verdict.reason.find("this loop has no HTTP client"), std::string::npos);
}

}  // namespace
}  // namespace tocsin::script
