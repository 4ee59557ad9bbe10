#include "gateway/event/signal_watch.h"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <thread>

#include "tests/unit/event/loopback.h"

namespace tocsin::event {
namespace {

using testing::turn;
using testing::turn_until;

class SignalWatchTest : public ::testing::Test {
 protected:
  ManualClock clock;
  Loop loop{LoopOptions{"test", &clock, 0}};
};

bool is_default(int signal_number) {
  struct sigaction now{};
  ::sigaction(signal_number, nullptr, &now);
  return now.sa_handler == SIG_DFL;
}

TEST_F(SignalWatchTest, RunsItsCallbackOnTheLoop) {
  int calls = 0;
  SignalWatch watch(loop, SIGUSR1, [&] {
    EXPECT_TRUE(loop.on_owner_thread());
    ++calls;
  });
  loop.run_ready();
  EXPECT_EQ(calls, 0);
  ASSERT_EQ(::raise(SIGUSR1), 0);
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(turn_until(loop, [&] { return calls == 1; }));
  ASSERT_EQ(::raise(SIGUSR1), 0);
  EXPECT_TRUE(turn_until(loop, [&] { return calls == 2; }));
}

TEST_F(SignalWatchTest, TellsSignalsApart) {
  int hang_ups = 0;
  int users = 0;
  SignalWatch first(loop, SIGHUP, [&] { ++hang_ups; });
  SignalWatch second(loop, SIGUSR2, [&] { ++users; });
  ASSERT_EQ(::raise(SIGUSR2), 0);
  EXPECT_TRUE(turn_until(loop, [&] { return users == 1; }));
  EXPECT_EQ(hang_ups, 0);
}

TEST_F(SignalWatchTest, RestoresTheDefaultWhenDestroyed) {
  auto watch = std::make_unique<SignalWatch>(loop, SIGUSR1, [] {});
  EXPECT_FALSE(is_default(SIGUSR1));
  watch.reset();
  EXPECT_TRUE(is_default(SIGUSR1));
}

TEST_F(SignalWatchTest, MayBeDestroyedByItsOwnCallback) {
  int calls = 0;
  std::unique_ptr<SignalWatch> watch;
  watch = std::make_unique<SignalWatch>(loop, SIGUSR1, [&watch, &calls] {
    ++calls;
    watch.reset();
  });
  ASSERT_EQ(::raise(SIGUSR1), 0);
  ASSERT_EQ(::raise(SIGUSR1), 0);  // a second one already on its way
  EXPECT_TRUE(turn_until(loop, [&] { return calls == 1; }));
  turn(loop);
  EXPECT_EQ(calls, 1);
}

TEST_F(SignalWatchTest, EveryLoopThatWatchesHears) {
  Loop other(LoopOptions{"other", &clock, 0});
  int here = 0;
  int there = 0;
  SignalWatch first(loop, SIGUSR1, [&] { ++here; });
  SignalWatch second(other, SIGUSR1, [&] { ++there; });
  ASSERT_EQ(::raise(SIGUSR1), 0);
  EXPECT_TRUE(turn_until(loop, [&] { return here == 1; }));
  EXPECT_TRUE(turn_until(other, [&] { return there == 1; }));
}

TEST_F(SignalWatchTest, HearsASignalSentFromAnotherThread) {
  int calls = 0;
  SignalWatch watch(loop, SIGUSR1, [&] {
    ++calls;
    loop.stop();
  });
  std::thread sender([] { ::kill(::getpid(), SIGUSR1); });
  loop.run();
  sender.join();
  EXPECT_EQ(calls, 1);
}

TEST(SignalWatchDeathTest, RefusesASignalNobodyMayCatch) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Loop loop;
        SignalWatch watch(loop, SIGKILL, [] {});
      },
      "cannot be watched");
}

}  // namespace
}  // namespace tocsin::event
