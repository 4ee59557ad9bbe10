#include "gateway/app/watchdog.h"

#include <gtest/gtest.h>

#include <future>

#include "gateway/app/stack_capture.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::app {
namespace {

using namespace std::chrono_literals;

/// A loop on a thread of its own that the test can hold inside a task, in a time that stands still.
class WatchdogTest : public testing::Test {
 protected:
  WatchdogTest() {
    watchdog.watch(loop);
    thread = std::thread([this] { loop.run(); });
  }
  ~WatchdogTest() override {
    let_go();
    loop.stop();
    thread.join();
  }
  void hold() {
    std::promise<void> begun;
    go_on = std::promise<void>();
    loop.post([&begun, held = go_on.get_future().share(), this] {
      if (map.slot(0) != nullptr) {
        map.slot(0)->callback = "deliver";
        map.slot(0)->plugin = map.number_of("output/sms", "oncall");
      }
      begun.set_value();
      held.wait();
      map.slot(0)->plugin = 0;
    });
    begun.get_future().wait();
    holding = true;
  }
  void let_go() {
    if (!std::exchange(holding, false)) return;
    go_on.set_value();
    std::promise<void> after;
    loop.post([&after] { after.set_value(); });
    after.get_future().wait();
  }
  std::string logged() {
    log.flush(10s);
    return sink->text();
  }

  ManualClock clock;
  std::shared_ptr<telemetry::SinkState> sink = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(sink), {}, clock};
  telemetry::Metrics metrics{1};
  plugin::CrashMap map{1};
  event::Loop loop{{.name = "worker-0", .clock = &clock}};
  Watchdog watchdog{map, log, metrics, clock};
  std::thread thread;
  std::promise<void> go_on;
  bool holding = false;
};

TEST_F(WatchdogTest, ShowsALoopThatStandsStillWithThePluginAndTheStack) {
  hold();
  clock.advance(1999ms);
  watchdog.look(clock.mono());
  EXPECT_TRUE(watchdog.stuck().empty());
  clock.advance(1ms);
  watchdog.look(clock.mono());
  ASSERT_EQ(watchdog.stuck().size(), 1U);
  const admin::StuckLoop stuck = watchdog.stuck()[0];
  EXPECT_EQ(stuck.name, "worker-0");
  EXPECT_EQ(stuck.busy, 2s);
  EXPECT_EQ(stuck.plugin, "output/sms");
  EXPECT_EQ(stuck.id, "oncall");
  EXPECT_EQ(stuck.callback, "deliver");
#if !defined(TOCSIN_SANITIZED)  // ThreadSanitizer passes a signal on when it sees fit
  EXPECT_GT(stuck.stack.size(), 3U);
#endif
  EXPECT_NE(logged().find("a loop stands still"), std::string::npos);
}

TEST_F(WatchdogTest, ReportsOneStandstillOnceAndThatItIsOver) {
  hold();
  clock.advance(3s);
  watchdog.look(clock.mono());
  clock.advance(4s);
  watchdog.look(clock.mono());
  EXPECT_EQ(watchdog.found(), 1U);
  EXPECT_EQ(watchdog.stuck().at(0).busy, 7s);
  let_go();
  watchdog.look(clock.mono());
  EXPECT_TRUE(watchdog.stuck().empty());
  EXPECT_NE(logged().find("the loop goes on"), std::string::npos);
  hold();
  clock.advance(3s);
  watchdog.look(clock.mono());
  EXPECT_EQ(watchdog.found(), 2U);
  EXPECT_NE(metrics.expose().find("tocsin_loops_stuck_total 2"), std::string::npos);
  EXPECT_NE(metrics.expose().find("tocsin_loops_stuck 1"), std::string::npos);
}

TEST_F(WatchdogTest, DoesNotMindALoopThatWaits) {
  clock.advance(1h);
  watchdog.look(clock.mono());
  EXPECT_TRUE(watchdog.stuck().empty());
}

TEST_F(WatchdogTest, LooksByItselfOnceStarted) {
  hold();
  clock.advance(3s);
  watchdog.start();
  const auto stop = std::chrono::steady_clock::now() + 20s;
  while (watchdog.stuck().empty() && std::chrono::steady_clock::now() < stop) {
    std::this_thread::yield();
  }
  EXPECT_EQ(watchdog.stuck().size(), 1U);
  watchdog.stop();
}

TEST(StackCapture, IsEmptyForAThreadThatIsGone) {
  StackCapture::install();
  int number = 0;
  std::thread([&] { number = ::gettid(); }).join();
  EXPECT_TRUE(StackCapture::of(number).empty());
}

}  // namespace
}  // namespace tocsin::app
