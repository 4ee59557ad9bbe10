#include "gateway/routing/plan.h"

#include "tests/unit/routing/pipeline_fixture.h"

namespace tocsin::routing {
namespace {

using Plans = PipelineTest;
using Texts = std::vector<std::string>;
using Kind = Plan::Kind;

constexpr std::string_view kTo =
    R"({"topic":"a","level":"info","to":["email:x","phone:1","email:y"]})";

TEST_F(Plans, DeliverToEveryRecipientOfTheOutputsKind) {
  const Router router({route_to({1, 0, 2})});
  const stage::OutputTraits outputs[] = {taking("email", true), own(), taking("phone", false)};
  Pipeline pipeline({}, router, outputs, sink_);
  ASSERT_TRUE(send(pipeline, kTo));
  EXPECT_EQ(sink_.results[0].plan.kind, Kind::kPlanned);
  EXPECT_EQ(plan_of(sink_.results[0]), (Texts{"1 ", "0 email:x", "0 email:y", "2 phone:1"}));
}

TEST_F(Plans, DeliverToTheOutputsOwnAddressWithoutARecipientOfItsKind) {
  const Router router({route_to({0, 1})});
  const stage::OutputTraits outputs[] = {taking("push", true), taking("team", false)};
  Pipeline pipeline({}, router, outputs, sink_);
  ASSERT_TRUE(send(pipeline, kTo));
  EXPECT_EQ(plan_of(sink_.results[0]), Texts{"0 "});
}

TEST_F(Plans, SayWhenNobodyIsLeft) {
  const Router router({route_to({0}, "a"), route_to({1}, "b")});
  const stage::OutputTraits outputs[] = {taking("push", false), own()};
  Pipeline pipeline({}, router, outputs, sink_);
  ASSERT_TRUE(send(pipeline, kTo));
  ASSERT_TRUE(send(pipeline, R"({"topic":"c"})"));
  EXPECT_EQ(sink_.results[0].plan.kind, Kind::kNoAddress);
  EXPECT_EQ(sink_.results[1].plan.kind, Kind::kUnrouted);
  EXPECT_FALSE(sink_.results[1].plan.message);
}

TEST_F(Plans, HoldAThousandDeliveriesAndNotOneMore) {
  const Router router({route_to({0, 1}, "two"), route_to({0})});
  const stage::OutputTraits outputs[] = {taking("e", false), own()};
  Pipeline pipeline({}, router, outputs, sink_);
  std::string to = "\"to\":[\"e:0\"";
  for (int i = 1; i < 1000; ++i) to += ",\"e:" + std::to_string(i) + "\"";
  ASSERT_TRUE(send(pipeline, R"({"topic":"one",)" + to + "]}"));
  ASSERT_TRUE(send(pipeline, R"({"topic":"two",)" + to + "]}"));
  EXPECT_EQ(sink_.results[0].plan.deliveries.size(), 1000U);
  EXPECT_EQ(sink_.results[0].plan.deliveries[999].address, "e:999");
  EXPECT_EQ(sink_.results[1].plan.kind, Kind::kTooMany);
}

TEST_F(Plans, KeepTheReceivedTextAsPayloadWhenItMayStand) {
  const Router router({route_to({0})});
  const stage::OutputTraits outputs[] = {own()};
  Pipeline pipeline({}, router, outputs, sink_);
  ASSERT_TRUE(send(pipeline, "{ \"level\":\"info\",\n \"topic\":\"a\" }"));
  ASSERT_TRUE(send(pipeline, R"({"topic":"a","delay":"5m","idempotency_key":"k"})"));
  EXPECT_EQ(sink_.results[0].plan.message.payload(), R"({ "level":"info",  "topic":"a" })");
  EXPECT_EQ(sink_.results[1].plan.message.payload(),
            R"({"topic":"a","level":"info","deliver_at":"2026-01-01T00:05:00Z"})");
}

TEST_F(Plans, EncodeAgainWhatAFilterChanged) {
  const Router router({route_to({0})});
  const stage::OutputTraits outputs[] = {own()};
  Pipeline pipeline({&first_}, router, outputs, sink_);
  first_.on_call = [](stage::FilterCall& call) {
    call.notification().title = *call.arena().copy("renamed");
    return Status::kPass;
  };
  ASSERT_TRUE(send(pipeline, R"({"topic":"a","level":"info"})"));
  EXPECT_EQ(sink_.results[0].plan.message.payload(),
            R"({"topic":"a","level":"info","title":"renamed"})");
  EXPECT_EQ(sink_.results[0].plan.message->title, "renamed");
}

TEST_F(Plans, LiveAsLongAsTheirMessage) {
  const Router router({route_to({0})});
  const stage::OutputTraits outputs[] = {taking("email", true)};
  message::Message message;
  std::span<const Planned> deliveries;
  {
    Pipeline pipeline({}, router, outputs, sink_);
    ASSERT_TRUE(send(pipeline, kTo));
    message = sink_.results[0].plan.message;
    deliveries = sink_.results[0].plan.deliveries;
    sink_.results.clear();
  }
  EXPECT_EQ(message->topic, "a");
  EXPECT_EQ(deliveries[1].address, "email:y");
  EXPECT_EQ(message.payload(), kTo);
}

TEST_F(Plans, SayWhenTheArenaIsFull) {
  const Router router({route_to({0})});
  const stage::OutputTraits outputs[] = {own()};
  Pipeline pipeline({}, router, outputs, sink_);
  const std::string json = R"({"topic":"a","title":")" + std::string(600, 'x') + "\"}";
  Candidate candidate{Arena(pool_, 900), {}, {}, 0, 0};
  candidate.decoded = *message::decode_notification(json, candidate.arena, {.now = kNow});
  ASSERT_TRUE(pipeline.submit(std::move(candidate)));
  EXPECT_EQ(sink_.results[0].plan.kind, Kind::kNoMemory);
}

}  // namespace
}  // namespace tocsin::routing
