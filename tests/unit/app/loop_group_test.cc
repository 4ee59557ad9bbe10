#include "gateway/app/loop_group.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::app {
namespace {

using namespace std::chrono_literals;

/// The control loop in a time that stands still, and two loops on threads of their own.
class LoopGroupTest : public testing::Test {
 protected:
  struct Loop {
    Loop(Estate& estate, AccessLogs& logs, const char* name)
        : loop({.name = name}), part(estate, logs, loop, LoopEstate::kNoHome) {
      thread = std::thread([this] { loop.run(); });
    }
    ~Loop() {
      loop.stop();
      thread.join();
    }
    event::Loop loop;
    LoopEstate part;
    std::thread thread;
  };
  LoopGroupTest() {
    control.run_ready();
    group.add(first.part);
    group.add(second.part);
  }
  /// Keeps the loop busy until the test lets go of it.
  std::promise<void> hold(Loop& one) {
    std::promise<void> until;
    one.loop.post([wait = until.get_future().share()] { wait.wait(); });
    return until;
  }
  /// Until what was posted to it has run, and what came of that is here.
  void settle(Loop& one) {
    std::promise<void> reached;
    one.loop.post([&reached] { reached.set_value(); });
    reached.get_future().wait();
    control.run_ready();
  }
  void ask() {
    group.each_within(
        500ms, [](std::size_t, LoopEstate&) {},
        [this](const std::vector<std::size_t>& silent) { heard.push_back(silent); });
  }

  ManualClock clock;
  event::Loop control{{.name = "control", .clock = &clock}};
  std::shared_ptr<telemetry::SinkState> state = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(state), {}, clock};
  telemetry::Metrics metrics{1};
  event::OffloadPool pool{1, 1};
  plugin::CrashMap crash_map{1};
  Estate estate{{.log = log, .metrics = metrics, .pool = pool, .crash_map = crash_map}};
  AccessLogs logs{metrics};
  LoopGroup group{control};
  Loop first{estate, logs, "first"};
  Loop second{estate, logs, "second"};
  std::vector<std::vector<std::size_t>> heard;
};

TEST_F(LoopGroupTest, HearsAllLoopsThatAnswer) {
  ask();
  settle(first);
  settle(second);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_TRUE(heard[0].empty());
}

TEST_F(LoopGroupTest, GoesOnWithoutALoopThatStandsStill) {
  std::promise<void> let_go = hold(second);
  ask();
  settle(first);
  EXPECT_TRUE(heard.empty());
  clock.advance(499ms);
  control.run_ready();
  EXPECT_TRUE(heard.empty());
  clock.advance(2ms);
  control.run_ready();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0], std::vector<std::size_t>{1});
  let_go.set_value();
  settle(second);
  EXPECT_EQ(heard.size(), 1U) << "an answer that comes late is nobody's";
}

TEST_F(LoopGroupTest, KeepsTheLimitOfEachQuestion) {
  std::promise<void> let_go = hold(second);
  ask();
  clock.advance(300ms);
  control.run_ready();
  ask();
  clock.advance(210ms);
  control.run_ready();
  EXPECT_EQ(heard.size(), 1U);
  let_go.set_value();
  settle(first);
  settle(second);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_TRUE(heard[1].empty());
}

}  // namespace
}  // namespace tocsin::app
