#include "gateway/app/drain.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::app {
namespace {

using namespace std::chrono_literals;

/// Writes down what it is told, and does it when the test says so.
class FakeGateway final : public Drainable {
 public:
  std::size_t connections() const override { return open; }
  void retire(Duration grace, Function<void()> done) override {
    told.push_back("retire " + std::to_string(grace / 1ms));
    lanes_are_empty = std::move(done);
  }
  void drain_servers() override { told.emplace_back("drain servers"); }
  bool store_up() override { return up; }
  void count_attempts(Function<void(std::size_t)> done) override { done(attempts); }
  void stop_store(Function<void()> done) override {
    told.emplace_back("stop store");
    store_stopped = std::move(done);
  }

  std::size_t open = 0;
  std::size_t attempts = 0;
  bool up = true;
  std::vector<std::string> told;
  Function<void()> lanes_are_empty;
  Function<void()> store_stopped;
};

class DrainTest : public testing::Test {
 protected:
  DrainTest() { loop.run_ready(); }
  void pass(Duration time) {
    for (Duration gone{}; gone < time; gone += Drain::kLook) {
      clock.advance(Drain::kLook);
      loop.run_ready();
    }
  }
  std::string logged() {
    log.flush(10s);
    return state->text();
  }
  using Told = std::vector<std::string>;

  ManualClock clock;
  event::Loop loop{{.name = "control", .clock = &clock}};
  std::shared_ptr<telemetry::SinkState> state = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(state), {}, clock};
  FakeGateway gateway;
  bool over = false;
  Drain drain{loop, log, gateway, [this] { over = true; }};
};

TEST_F(DrainTest, EndsWhatIsNewThenWhatWasBegunThenTheStore) {
  gateway.open = 2;
  drain.begin(10s, 0s);
  EXPECT_TRUE(drain.begun());
  EXPECT_EQ(gateway.told, (Told{"retire 10000", "drain servers"}));
  gateway.lanes_are_empty();
  pass(1s);
  EXPECT_EQ(gateway.told.size(), 2U) << "clients still wait for what the store says";
  gateway.open = 0;
  pass(Drain::kLook);
  EXPECT_EQ(gateway.told.back(), "stop store");
  EXPECT_FALSE(over);
  gateway.store_stopped();
  EXPECT_TRUE(over && drain.complete() && drain.store_stopped());
  EXPECT_EQ(logged(), "");
}

TEST_F(DrainTest, LeavesIdleConnectionsTheirPatience) {
  gateway.open = 1;
  drain.begin(10s, 2s);
  pass(1900ms);
  EXPECT_EQ(gateway.told.size(), 1U);
  pass(200ms);
  EXPECT_EQ(gateway.told.back(), "drain servers");
}

TEST_F(DrainTest, GivesIdleConnectionsHalfOfTheGraceAtMost) {
  gateway.open = 1;
  drain.begin(2s, 5s);
  pass(1100ms);
  EXPECT_EQ(gateway.told.back(), "drain servers");
}

TEST_F(DrainTest, CutsConnectionsWhenTheGraceIsOver) {
  gateway.open = 3;
  drain.begin(1s, 0s);
  gateway.lanes_are_empty();
  pass(1s);
  EXPECT_EQ(gateway.told.back(), "stop store");
  gateway.store_stopped();
  EXPECT_TRUE(over);
  EXPECT_FALSE(drain.complete());
  EXPECT_NE(logged().find("connections are cut"), std::string::npos);
}

TEST_F(DrainTest, WaitsALittleLongerForWhatCutAttemptsCameTo) {
  drain.begin(1s, 0s);
  pass(1s + Drain::kSettleGrace - 100ms);
  EXPECT_FALSE(over);
  pass(200ms);
  EXPECT_TRUE(over);
  EXPECT_FALSE(drain.complete() || drain.store_stopped());
  EXPECT_EQ(gateway.told.back(), "drain servers") << "a store with claims in it is left as it is";
  EXPECT_NE(logged().find("could not be given back"), std::string::npos);
}

TEST_F(DrainTest, DoesNotWaitForAStoreThatIsDown) {
  gateway.up = false;
  drain.begin(60s, 0s);
  pass(5s);
  EXPECT_FALSE(over) << "it is granted one more try";
  pass(2s);
  EXPECT_TRUE(over);
  EXPECT_NE(logged().find("the store is down"), std::string::npos);
}

TEST_F(DrainTest, WaitsForAttemptsAlsoWhileTheStoreIsDown) {
  gateway.up = false;
  gateway.attempts = 1;
  drain.begin(60s, 0s);
  pass(10s);
  EXPECT_FALSE(over);
  gateway.attempts = 0;
  pass(Drain::kLook);
  EXPECT_TRUE(over);
}

TEST_F(DrainTest, WaitsForAStoreThatCameBack) {
  gateway.up = false;
  drain.begin(60s, 0s);
  pass(5s);
  gateway.up = true;
  pass(5s);
  EXPECT_FALSE(over);
  gateway.lanes_are_empty();
  pass(Drain::kLook);
  gateway.store_stopped();
  EXPECT_TRUE(over && drain.complete());
}

}  // namespace
}  // namespace tocsin::app
