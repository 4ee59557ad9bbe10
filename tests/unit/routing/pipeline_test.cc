#include "gateway/routing/pipeline.h"

#include <random>

#include "tests/unit/routing/pipeline_fixture.h"

namespace tocsin::routing {
namespace {

using Outcomes = std::vector<std::pair<std::uint64_t, bool>>;
using Tickets = std::vector<std::uint64_t>;
using Texts = std::vector<std::string>;

class Pipelines : public PipelineTest {
 protected:
  Pipelines() : router_({route_to({0}, "a"), route_to({1}, "nowhere")}) {}

  bool send(std::string_view topic, std::uint64_t stream = 0, std::uint64_t ticket = 0) {
    return PipelineTest::send(pipeline_, R"({"topic":")" + std::string(topic) + "\"}", stream,
                              ticket);
  }
  void hold_all() {
    first_.on_call = [](stage::FilterCall&) { return Status::kHold; };
  }

  Router router_;
  stage::OutputTraits outputs_[2] = {own(), taking("push", false)};
  Pipeline pipeline_{{&first_, &second_}, router_, outputs_, sink_};
};

TEST_F(Pipelines, AskFiltersInOrderAndAnswerAtOnce) {
  first_.on_call = [](stage::FilterCall& call) {
    EXPECT_EQ(call.identity(), "identity");
    call.notification().topic = *call.arena().copy("a");
    return Status::kPass;
  };
  ASSERT_TRUE(send("x", 0, 42));
  EXPECT_EQ(first_.seen, Texts{"x"});
  EXPECT_EQ(second_.seen, Texts{"a"});
  ASSERT_EQ(sink_.tickets, Tickets{42});
  EXPECT_EQ(sink_.results[0].plan.kind, Plan::Kind::kPlanned);
  EXPECT_EQ(pipeline_.waiting(), 0U);
}

TEST_F(Pipelines, AskNoFurtherFilterAfterADrop) {
  first_.on_call = [](stage::FilterCall&) { return Status::kDrop; };
  ASSERT_TRUE(send("a"));
  EXPECT_EQ(sink_.results[0].dropped_by, "first");
  EXPECT_TRUE(second_.seen.empty());
  EXPECT_TRUE(sink_.results[0].plan.deliveries.empty());
}

TEST_F(Pipelines, GoOnWhereAFilterHeld) {
  hold_all();
  ASSERT_TRUE(send("a", 0, 1));
  ASSERT_TRUE(send("a", 0, 2));
  EXPECT_TRUE(sink_.tickets.empty());
  EXPECT_EQ(pipeline_.waiting(), 2U);
  first_.decide(Status::kPass, 1);
  first_.decide(Status::kDrop);
  EXPECT_EQ(sink_.tickets, (Tickets{2, 1}));
  EXPECT_EQ(second_.seen.size(), 1U);
  EXPECT_EQ(sink_.results[1].dropped_by, "first");
  EXPECT_EQ(pipeline_.waiting(), 0U);
}

TEST_F(Pipelines, TakeADecisionGivenInsideTheCall) {
  first_.on_call = [](stage::FilterCall& call) {
    call.decide(Status::kDrop);
    return Status::kHold;
  };
  ASSERT_TRUE(send("a"));
  EXPECT_EQ(sink_.results[0].dropped_by, "first");
  first_.held.clear();
}

TEST_F(Pipelines, AnswerAStreamInTheOrderOfSubmit) {
  bool holds = true;
  first_.on_call = [&](stage::FilterCall&) { return holds ? Status::kHold : Status::kPass; };
  ASSERT_TRUE(send("a", 7, 1));
  ASSERT_TRUE(send("a", 7, 2));
  holds = false;
  ASSERT_TRUE(send("a", 7, 3));
  ASSERT_TRUE(send("a", 8, 100));
  ASSERT_TRUE(send("a", 0, 200));
  EXPECT_EQ(sink_.tickets, (Tickets{100, 200}));
  first_.decide(Status::kPass, 1);
  EXPECT_EQ(sink_.tickets, (Tickets{100, 200}));
  first_.decide(Status::kPass, 0);
  EXPECT_EQ(sink_.tickets, (Tickets{100, 200, 1, 2, 3}));
  EXPECT_EQ(pipeline_.waiting(), 0U);
  ASSERT_TRUE(send("a", 7, 4));
  EXPECT_EQ(sink_.tickets.back(), 4U);
}

TEST_F(Pipelines, KeepTheOrderWhenTheSinkSubmitsMore) {
  hold_all();
  ASSERT_TRUE(send("a", 7, 1));
  ASSERT_TRUE(send("a", 7, 2));
  first_.on_call = nullptr;
  sink_.on_result = [this](Routed& routed) {
    if (routed.ticket < 3) {
      EXPECT_TRUE(send("a", 7, routed.ticket + 10));
    }
  };
  first_.decide(Status::kPass, 1);
  first_.decide(Status::kPass);
  EXPECT_EQ(sink_.tickets, (Tickets{1, 2, 11, 12}));
  EXPECT_EQ(pipeline_.waiting(), 0U);
}

TEST_F(Pipelines, RefuseWhenTooManyOfAStreamWait) {
  hold_all();
  for (std::size_t i = 0; i < Pipeline::kStreamWaitMax; ++i) ASSERT_TRUE(send("a", 7, i));
  EXPECT_FALSE(send("a", 7));
  EXPECT_TRUE(send("a", 8, 999));
  first_.decide(Status::kPass);
  EXPECT_TRUE(send("a", 7, 1000));
  EXPECT_FALSE(send("a", 7));
  while (!first_.held.empty()) first_.decide(Status::kDrop);
  EXPECT_EQ(sink_.tickets.size(), Pipeline::kStreamWaitMax + 2);
}

TEST_F(Pipelines, RefuseWhenTooManyWaitInAll) {
  hold_all();
  for (std::size_t i = 0; i < Pipeline::kWaitMax; ++i) ASSERT_TRUE(send("a", i % 500, i));
  EXPECT_FALSE(send("a"));
  EXPECT_FALSE(send("a", 501));
  EXPECT_EQ(first_.seen.size(), Pipeline::kWaitMax);
  while (!first_.held.empty()) first_.decide(Status::kPass, first_.held.size() - 1);
  EXPECT_EQ(sink_.tickets.size(), Pipeline::kWaitMax);
}

TEST_F(Pipelines, TellReservationsTheirFate) {
  first_.remembers = second_.remembers = true;
  ASSERT_TRUE(send("a"));
  ASSERT_TRUE(send("a"));
  EXPECT_TRUE(first_.outcomes.empty());
  ASSERT_TRUE(sink_.results[0].fate);
  sink_.results[0].fate.tell(true);
  EXPECT_FALSE(sink_.results[0].fate);
  sink_.results[0].fate.tell(false);  // told already
  EXPECT_EQ(first_.outcomes, (Outcomes{{1, true}}));
  EXPECT_EQ(second_.outcomes, (Outcomes{{1, true}}));
  sink_.results[1].fate.tell(false);
  EXPECT_EQ(second_.outcomes, (Outcomes{{1, true}, {2, false}}));
}

TEST_F(Pipelines, TakeAFateThatDiesUntoldForNotCommitted) {
  first_.remembers = true;
  ASSERT_TRUE(send("a"));
  Fate moved = std::move(sink_.results[0].fate);
  sink_.results.clear();
  EXPECT_TRUE(first_.outcomes.empty());
  moved = Fate();
  EXPECT_EQ(first_.outcomes, (Outcomes{{1, false}}));
}

TEST_F(Pipelines, TellReservationsAtOnceWhenNothingWillBeCommitted) {
  first_.remembers = true;
  second_.on_call = [](stage::FilterCall& call) {
    return call.notification().topic == "a" ? Status::kDrop : Status::kPass;
  };
  Outcomes seen_by_sink;
  sink_.on_result = [&](Routed& routed) {
    EXPECT_FALSE(routed.fate);
    seen_by_sink = first_.outcomes;
  };
  ASSERT_TRUE(send("a"));
  EXPECT_EQ(seen_by_sink, (Outcomes{{1, false}}));
  ASSERT_TRUE(send("unrouted"));
  ASSERT_TRUE(send("nowhere"));
  EXPECT_EQ(sink_.results[2].plan.kind, Plan::Kind::kNoAddress);
  EXPECT_EQ(first_.outcomes, (Outcomes{{1, false}, {2, false}, {3, false}}));
}

// Filters decide late and in any order: each notification gets one result, each reservation one
// outcome, and no stream is out of order.
TEST_F(Pipelines, StandAnyOrderOfDecisions) {
  std::mt19937 random(9);
  first_.remembers = second_.remembers = true;
  const auto at_random = [&](stage::FilterCall&) {
    const auto dice = random() % 4;
    return dice == 0 ? Status::kHold : dice == 1 ? Status::kDrop : Status::kPass;
  };
  first_.on_call = second_.on_call = at_random;
  std::uint64_t sent = 0;
  for (int i = 0; i < 20'000; ++i) {
    FakeFilter& filter = random() % 2 == 0 ? first_ : second_;
    if (random() % 3 == 0 && !filter.held.empty()) {
      filter.decide(random() % 2 == 0 ? Status::kPass : Status::kDrop,
                    random() % filter.held.size());
    } else {
      const std::uint64_t stream = random() % 6;
      sent += send("a", stream, stream << 32U | sent) ? 1 : 0;
    }
    if (random() % 5 == 0 && !sink_.results.empty()) {
      sink_.results.front().fate.tell(random() % 2 == 0);
      sink_.results.pop_front();
    }
  }
  while (!first_.held.empty()) first_.decide(Status::kPass);
  while (!second_.held.empty()) second_.decide(Status::kPass);
  sink_.results.clear();
  ASSERT_EQ(sink_.tickets.size(), sent);
  std::uint64_t last[6] = {};
  for (const std::uint64_t ticket : sink_.tickets) {
    const std::uint64_t stream = ticket >> 32U;
    if (stream == 0) continue;
    EXPECT_GT(ticket, last[stream]);
    last[stream] = ticket;
  }
  for (FakeFilter* filter : {&first_, &second_}) {
    std::vector<int> told(filter->reserved + 1, 0);
    for (const auto& [reservation, committed] : filter->outcomes) ++told[reservation];
    for (std::uint64_t i = 1; i <= filter->reserved; ++i) ASSERT_EQ(told[i], 1);
  }
}

using PipelinesDeathTest = Pipelines;

TEST_F(PipelinesDeathTest, RefuseASecondDecision) {
  first_.on_call = [](stage::FilterCall& call) {
    call.decide(Status::kPass);
    call.decide(Status::kPass);
    return Status::kHold;
  };
  EXPECT_DEATH(static_cast<void>(send("a")), "decided twice");
  first_.on_call = [](stage::FilterCall& call) {
    call.decide(Status::kPass);
    return Status::kPass;
  };
  EXPECT_DEATH(static_cast<void>(send("a")), "decided twice");
}

}  // namespace
}  // namespace tocsin::routing
