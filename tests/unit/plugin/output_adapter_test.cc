#include "gateway/plugin/output_adapter.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

using message::VerdictKind;

class OutputAdapterTest : public PluginTest {
 protected:
  OutputAdapterTest() { ScriptedOutput::Script::script = &script; }
  ~OutputAdapterTest() override {
    adapter.reset();
    if (worker != nullptr) worker->finish();
    instance.reset();
  }

  void begin() {
    instance = instance_of<ScriptedOutput>(Kind::kOutput);
    worker = &start(*instance);
    adapter = std::make_unique<OutputAdapter>(*worker, output_traits(*instance).value(), lane);
  }
  void deliver(stage::AttemptToken token) {
    const stage::Attempt attempt = attempt_of(token);
    adapter->deliver({&attempt, 1});
  }
  stage::Attempt attempt_of(stage::AttemptToken token) {
    stage::Attempt attempt;
    attempt.token = token;
    attempt.delivery = {{42}, 3};
    attempt.number = 2;
    attempt.notification = &notification;
    attempt.payload = R"({"topic":"orders"})";
    attempt.address = "email:a@b.example";
    attempt.deadline = loop.now() + std::chrono::seconds(10);
    return attempt;
  }
  std::uint64_t late() const { return instance->metrics().late_completions->value(); }
  std::uint64_t misuses() const { return instance->metrics().misuses->value(); }

  OutputScript script;
  HeardVerdicts lane;
  message::Label label{"team", "payments"};
  message::Notification notification{.topic = "orders", .labels = {&label, 1}};
  InstancePtr instance;
  Worker* worker = nullptr;
  std::unique_ptr<OutputAdapter> adapter;
};

TEST_F(OutputAdapterTest, ShowsThePluginTheWholeAttempt) {
  int seen = 0;
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt& attempt) {
    ++seen;
    EXPECT_EQ(attempt.number(), 2U);
    EXPECT_EQ(attempt.delivery_id(), (message::DeliveryId{{42}, 3}.text()));
    EXPECT_EQ(attempt.notification_id(), message::NotificationId{42}.text());
    EXPECT_EQ(attempt.payload(), R"({"topic":"orders"})");
    EXPECT_EQ(attempt.address(), "email:a@b.example");
    EXPECT_EQ(attempt.notification().topic(), "orders");
    EXPECT_EQ(attempt.notification().label("team"), "payments");
    EXPECT_EQ(attempt.notification().label("x"), std::nullopt);
    EXPECT_EQ(attempt.deadline() - host.now(), std::chrono::seconds(10));
  };
  begin();
  deliver(7);
  EXPECT_EQ(seen, 1);
}

TEST_F(OutputAdapterTest, TellsTheLaneOnceThePluginHasReturned) {
  bool inside = false;
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt& attempt) {
    inside = true;
    EXPECT_TRUE(host.complete(attempt.token(), sdk::Verdict::delivered("provider-1")));
    EXPECT_TRUE(lane.verdicts.empty());
    inside = false;
  };
  lane.on_complete = [&] { EXPECT_FALSE(inside); };
  begin();
  deliver(7);
  ASSERT_EQ(lane.verdicts.size(), 1U);
  EXPECT_EQ(lane.verdicts[0].first, 7U);
  EXPECT_EQ(lane.verdicts[0].second.kind, VerdictKind::kDelivered);
  EXPECT_EQ(lane.verdicts[0].second.provider_id, "provider-1");
}

TEST_F(OutputAdapterTest, PassesOnEveryPartOfAVerdict) {
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt& attempt) {
    host.complete(attempt.token(), sdk::Verdict::throttled("slow down", std::chrono::seconds(3),
                                                           sdk::Scope::kAddress));
  };
  begin();
  deliver(1);
  const message::Verdict& verdict = lane.verdicts.at(0).second;
  EXPECT_EQ(verdict.kind, VerdictKind::kThrottled);
  EXPECT_EQ(verdict.scope, message::VerdictScope::kAddress);
  EXPECT_EQ(verdict.after, std::chrono::seconds(3));
  EXPECT_EQ(verdict.reason, "slow down");
}

TEST_F(OutputAdapterTest, ALaneThatDeliversFromEachVerdictDoesNotGrowTheStack) {
  constexpr int kDeliveries = 100'000;
  int begun = 1;
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt& attempt) {
    host.complete(attempt.token(), sdk::Verdict::delivered());
  };
  lane.on_complete = [&] {
    lane.verdicts.clear();
    if (begun < kDeliveries) deliver(static_cast<stage::AttemptToken>(++begun));
  };
  begin();
  deliver(1);
  EXPECT_EQ(begun, kDeliveries);
}

TEST_F(OutputAdapterTest, CountsASecondVerdictAndDropsIt) {
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt& attempt) {
    EXPECT_TRUE(host.complete(attempt.token(), sdk::Verdict::delivered()));
    EXPECT_FALSE(host.complete(attempt.token(), sdk::Verdict::rejected("no")));
  };
  begin();
  deliver(1);
  ASSERT_EQ(lane.verdicts.size(), 1U);
  EXPECT_EQ(lane.verdicts[0].second.kind, VerdictKind::kDelivered);
  EXPECT_EQ(late(), 1U);
}

TEST_F(OutputAdapterTest, CountsAVerdictForNothing) {
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt&) {
    EXPECT_FALSE(host.complete(0x1234'0000'0000, sdk::Verdict::delivered()));
    EXPECT_FALSE(host.complete(0, sdk::Verdict::delivered()));
  };
  begin();
  deliver(1);
  EXPECT_TRUE(lane.verdicts.empty());
  EXPECT_EQ(late(), 2U);
}

TEST_F(OutputAdapterTest, CountsAVerdictThatComesAfterTheCancel) {
  std::optional<sdk::Host> kept;
  tocsin_token token = 0;
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt& attempt) {
    kept = host;
    token = attempt.token();
  };
  tocsin_token cancelled = 0;
  script.cancel = [&](const sdk::Host&, tocsin_token which) { cancelled = which; };
  begin();
  deliver(9);
  adapter->cancel(9);
  EXPECT_EQ(cancelled, token);
  EXPECT_FALSE(kept->complete(token, sdk::Verdict::delivered()));
  EXPECT_TRUE(lane.verdicts.empty());
  EXPECT_EQ(late(), 1U);
}

TEST_F(OutputAdapterTest, AnswersGoneOnceTheWorkerHasFinished) {
  std::optional<sdk::Host> kept;
  tocsin_token token = 0;
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt& attempt) {
    kept = host;
    token = attempt.token();
  };
  begin();
  deliver(1);
  adapter.reset();
  worker->finish();
  EXPECT_FALSE(kept->complete(token, sdk::Verdict::delivered()));
  EXPECT_FALSE(kept->post([] { FAIL() << "ran after the end"; }));
  run();
  EXPECT_EQ(late(), 2U);
}

TEST_F(OutputAdapterTest, TurnsAnExceptionIntoAnInternalVerdictAndALine) {
  script.deliver = [](const sdk::Host&, const sdk::Attempt&) {
    throw std::runtime_error("out of cheese");
  };
  begin();
  deliver(1);
  ASSERT_EQ(lane.verdicts.size(), 1U);
  EXPECT_EQ(lane.verdicts[0].second.kind, VerdictKind::kInternal);
  EXPECT_NE(logged().find("deliver threw: out of cheese"), std::string::npos);
}

TEST_F(OutputAdapterTest, AnExceptionInABatchEndsOnlyItsOwnAttempt) {
  script.deliver = [](const sdk::Host& host, const sdk::Attempt& attempt) {
    static int calls = 0;
    if (++calls == 2) throw 1;
    host.complete(attempt.token(), sdk::Verdict::delivered());
  };
  begin();
  const std::vector<stage::Attempt> attempts = {attempt_of(1), attempt_of(2), attempt_of(3)};
  adapter->deliver(attempts);
  ASSERT_EQ(lane.verdicts.size(), 3U);
  EXPECT_EQ(lane.verdicts[0].second.kind, VerdictKind::kDelivered);
  EXPECT_EQ(lane.verdicts[1].second.kind, VerdictKind::kInternal);
  EXPECT_EQ(lane.verdicts[2].second.kind, VerdictKind::kDelivered);
}

TEST_F(OutputAdapterTest, CountsAMalformedVerdictAsThePluginsFault) {
  script.deliver = [](const sdk::Host& host, const sdk::Attempt& attempt) {
    tocsin_verdict verdict{};
    verdict.size = sizeof(verdict);
    verdict.kind = 99;
    EXPECT_EQ(host.c_host().complete(host.c_worker(), attempt.token(), &verdict),
              std::uint32_t{TOCSIN_INVALID});
  };
  begin();
  deliver(1);
  ASSERT_EQ(lane.verdicts.size(), 1U);
  EXPECT_EQ(lane.verdicts[0].second.kind, VerdictKind::kInternal);
  EXPECT_EQ(misuses(), 1U);
}

TEST_F(OutputAdapterTest, CutsALongReasonAtACharacter) {
  script.deliver = [](const sdk::Host& host, const sdk::Attempt& attempt) {
    std::string reason(message::kReasonBytesMax - 1, 'x');
    host.complete(attempt.token(), sdk::Verdict::rejected(reason + "\xC3\xA9"));
  };
  begin();
  deliver(1);
  EXPECT_EQ(lane.verdicts.at(0).second.reason, std::string(message::kReasonBytesMax - 1, 'x'));
}

TEST_F(OutputAdapterTest, RefusesACallFromAnotherThread) {
  script.deliver = [](const sdk::Host& host, const sdk::Attempt& attempt) {
    std::thread([&] {
      EXPECT_FALSE(host.complete(attempt.token(), sdk::Verdict::delivered()));
    }).join();
    host.complete(attempt.token(), sdk::Verdict::delivered());
  };
  begin();
  deliver(1);
  EXPECT_EQ(lane.verdicts.size(), 1U);
  EXPECT_EQ(misuses(), 1U);
  EXPECT_NE(logged().find("complete was called on another thread than its loop's"),
            std::string::npos);
}

TEST_F(OutputAdapterTest, CountsASlowCallbackAndNamesAVerySlowOne) {
  Duration takes = std::chrono::milliseconds(9);
  script.deliver = [&](const sdk::Host&, const sdk::Attempt&) { clock.advance(takes); };
  begin();
  const telemetry::Counter& slow = *instance->metrics().slow_callbacks;
  deliver(1);
  EXPECT_EQ(slow.value(), 0U);
  takes = std::chrono::milliseconds(10);
  deliver(2);
  EXPECT_EQ(slow.value(), 1U);
  EXPECT_EQ(logged().find("kept its loop waiting"), std::string::npos);
  takes = std::chrono::milliseconds(100);
  deliver(3);
  EXPECT_EQ(slow.value(), 2U);
  const std::string lines = logged();
  EXPECT_NE(lines.find("the plugin kept its loop waiting"), std::string::npos);
  EXPECT_NE(lines.find(R"("plugin":"output/scripted","callback":"deliver")"), std::string::npos)
      << lines;
}

TEST_F(OutputAdapterTest, RefusesTraitsThatCannotBe) {
  script.traits.batch_max = 0;
  instance = instance_of<ScriptedOutput>(Kind::kOutput);
  EXPECT_FALSE(output_traits(*instance));
  script.traits = {.has_own_address = false};
  EXPECT_FALSE(output_traits(*instance));
  script.traits = {.batch_max = 5, .address_kind = "phone", .idempotent = true, .account = "acme"};
  const auto traits = output_traits(*instance);
  ASSERT_TRUE(traits);
  EXPECT_EQ(traits->batch_max, 5U);
  EXPECT_EQ(traits->address_kind, "phone");
  EXPECT_TRUE(traits->idempotent);
  EXPECT_EQ(traits->account, "acme");
}

}  // namespace
}  // namespace tocsin::plugin
