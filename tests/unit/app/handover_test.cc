#include "gateway/app/handover.h"

#include <gtest/gtest.h>

#include <optional>

namespace tocsin::app {
namespace {

using std::chrono::seconds;

/// New processes that are a shell, which does what the test says.
class SuccessorTest : public ::testing::Test {
 protected:
  SuccessorTest() { loop.run_ready(); }  // this thread owns the loop

  void start(const std::string& script, Duration patience = seconds(30)) {
    const auto started = successor.start({"/bin/sh", {"sh", "-c", script}}, {}, patience,
                                         [this](Result<pid_t> told) { came_to = std::move(told); });
    ASSERT_TRUE(started) << started.error().text();
  }
  std::string why_not() {
    while (!came_to) loop.run_ready();
    return *came_to ? "it serves" : came_to->error().what;
  }

  event::Loop loop{{.name = "test"}};
  Successor successor{loop};
  std::optional<Result<pid_t>> came_to;
};

TEST_F(SuccessorTest, IsGoneWhenItEnds) {
  start("exit 3");
  EXPECT_EQ(why_not(), "the new process ended with exit code 3");
  EXPECT_FALSE(successor.under_way());
}

TEST_F(SuccessorTest, IsEndedWhenItIsNotReadyInTime) {
  start("exec sleep 1000", std::chrono::milliseconds(20));
  EXPECT_EQ(why_not(), "the new process was not ready in time");
}

TEST_F(SuccessorTest, EndsWhenItIsNotWantedAnyMore) {
  start("exec sleep 1000");
  successor.end();
  EXPECT_EQ(why_not(), "the new process was ended by signal 15");
}

TEST_F(SuccessorTest, IsWhomTheServiceManagersWatchdogIsMeantForNow) {
  ::setenv("WATCHDOG_PID", "1", 1);
  ::setenv("WATCHDOG_USEC", "1000000", 1);
  start("test -z \"$WATCHDOG_PID\" && test -n \"$WATCHDOG_USEC\" && exit 4");
  ::unsetenv("WATCHDOG_PID");
  ::unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(why_not(), "the new process ended with exit code 4");
}

}  // namespace
}  // namespace tocsin::app
