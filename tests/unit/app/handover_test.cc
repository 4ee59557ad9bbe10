#include "gateway/app/handover.h"

#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

namespace tocsin::app {
namespace {

using std::chrono::seconds;

/// New processes that are a shell, which does what the test says.
class SuccessorTest : public ::testing::Test {
 protected:
  SuccessorTest() { loop.run_ready(); }  // this thread owns the loop

  /// What it does before it may say that it is ready: it takes all that it is handed.
  static constexpr const char* kTakes =
      "until test \"$(head -c 3 <&3)\" = end; do :; done; printf ready >&3; ";

  void start(const std::string& script, Duration patience = seconds(30)) {
    const auto started = successor.start(
        {"/bin/sh", {"sh", "-c", script}, "/usr/bin/tocsin"}, {}, patience,
        [this](const auto& told) { came_to = told; },
        [this](std::string how, bool as_told) {
          ended = std::move(how);
          ended_as_told = as_told;
        });
    ASSERT_TRUE(started) << started.error().text();
  }
  std::string why_not() {
    while (!came_to) loop.run_ready();
    return *came_to ? "it serves" : came_to->error().text;
  }
  std::string end() {
    while (!ended) loop.run_ready();
    return *ended;
  }

  event::Loop loop{{.name = "test"}};
  Successor successor{loop};
  std::optional<tl::expected<pid_t, Successor::Failure>> came_to;
  std::optional<std::string> ended;
  bool ended_as_told = false;
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

TEST_F(SuccessorTest, SaysWhichSocketsItHasNoUseFor) {
  start(std::string("printf 'unused old one' >&3; printf 'unused metrics' >&3; ") + kTakes +
        "exec sleep 1");
  EXPECT_EQ(why_not(), "it serves");
  EXPECT_EQ(successor.unused(), (std::vector<std::string>{"old one", "metrics"}));
  EXPECT_TRUE(successor.serves());
  EXPECT_FALSE(successor.under_way());
  EXPECT_EQ(end(), "the new process ended with exit code 0");
}

TEST_F(SuccessorTest, IsToldOfWhenItDiesOnceItServed) {
  start(std::string(kTakes) + "kill -9 $$");
  EXPECT_EQ(why_not(), "it serves");
  EXPECT_EQ(end(), "the new process was ended by signal 9");
  EXPECT_FALSE(ended_as_told);
  EXPECT_FALSE(successor.serves());
  start(std::string(kTakes) + "exec sleep 1000");
  came_to.reset();
  EXPECT_EQ(why_not(), "it serves");
  ::kill(**came_to, SIGTERM);
}

TEST_F(SuccessorTest, MayHaveBeenToldToStop) {
  start(std::string(kTakes) + "exit 0");
  EXPECT_EQ(why_not(), "it serves");
  end();
  EXPECT_TRUE(ended_as_told);
}

TEST_F(SuccessorTest, OfAReleaseThatSaysNoMoreServesOn) {
  start(std::string(kTakes) + "exec 3>&-; test ! -e /proc/self/fd/3 || exit 5; exit 6");
  EXPECT_EQ(why_not(), "it serves");
  EXPECT_EQ(end(), "the new process ended with exit code 6");
}

TEST_F(SuccessorTest, IsHandedWhatIsKnownOfLanesAsAFile) {
  // A shell cannot take descriptors out of packets, but it sees that one came.
  start(std::string(kTakes) + "head -c 5 <&3 | grep -q lanes && exit 7");
  EXPECT_EQ(why_not(), "it serves");
  successor.send_lanes("{}");
  EXPECT_EQ(end(), "the new process ended with exit code 7");
}

TEST_F(SuccessorTest, LearnsWhereLaterBinariesStand) {
  start("test \"$TOCSIN_UPGRADE_BINARY\" = /usr/bin/tocsin && exit 8");
  EXPECT_EQ(why_not(), "the new process ended with exit code 8");
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
