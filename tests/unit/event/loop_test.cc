#include "gateway/event/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/event/fd_watch.h"
#include "tests/unit/event/loopback.h"

namespace tocsin::event {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::turn;

class LoopTest : public ::testing::Test {
 protected:
  ManualClock clock;
  Loop loop{LoopOptions{"test", &clock, 3}};
};

/// Runs a callable at the end of a tick.
class AtEnd final : public TickEnd {
 public:
  explicit AtEnd(Function<void()> work) : work_(std::move(work)) {}
  void on_tick_end() override { work_(); }

 private:
  Function<void()> work_;
};

/// Runs a callable when it dies.
class Doomed : public Deferred {
 public:
  explicit Doomed(Function<void()> last_words) : last_words_(std::move(last_words)) {}
  ~Doomed() override { last_words_(); }

 private:
  Function<void()> last_words_;
};

TEST_F(LoopTest, RunsTimersWhenTheTestMovesTheClock) {
  int fired = 0;
  Timer timer(loop.timers(), [&] { ++fired; });
  timer.arm_after(seconds(5));
  turn(loop);
  clock.advance(seconds(5) - milliseconds(1));
  turn(loop);
  EXPECT_EQ(fired, 0);
  clock.advance(milliseconds(1));
  loop.run_ready();
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(loop.now(), clock.mono());
}

TEST_F(LoopTest, KeepsItsNameAndShard) {
  EXPECT_EQ(loop.name(), "test");
  EXPECT_EQ(loop.shard(), 3U);
}

TEST_F(LoopTest, RunsPostedTasksInOrderAndNeverInsideTheCaller) {
  std::vector<int> ran;
  EXPECT_TRUE(loop.post([&] {
    ran.push_back(1);
    loop.post([&] { ran.push_back(3); });
    ran.push_back(2);
  }));
  EXPECT_TRUE(ran.empty());
  turn(loop);
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

TEST_F(LoopTest, ATaskThatPostsItselfDoesNotHoldTheLoop) {
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    loop.post([&] { again(); });
  };
  loop.post([&] { again(); });
  loop.run_ready();
  loop.run_ready();
  EXPECT_EQ(runs, 2);
}

TEST_F(LoopTest, EverythingOfOneTickSeesTheSameInstant) {
  std::vector<MonoTime> seen;
  for (int i = 0; i < 3; ++i) {
    loop.post([&] {
      seen.push_back(loop.now());
      clock.advance(milliseconds(10));
    });
  }
  AtEnd last([&] { seen.push_back(loop.now()); });
  loop.post([&] { loop.at_tick_end(last); });
  const MonoTime start = clock.mono();
  loop.run_ready();
  EXPECT_EQ(seen, std::vector<MonoTime>(4, start));
  loop.post([&] { seen.push_back(loop.now()); });
  loop.run_ready();
  EXPECT_EQ(seen.back(), start + milliseconds(30));
}

TEST_F(LoopTest, TimersOfOneTickSeeTheSameInstant) {
  std::vector<MonoTime> seen;
  const auto look = [&] {
    seen.push_back(loop.now());
    clock.advance(milliseconds(10));
  };
  Timer one(loop.timers(), look);
  Timer two(loop.timers(), look);
  one.arm_after(milliseconds(1));
  two.arm_after(milliseconds(2));
  clock.advance(milliseconds(2));
  const MonoTime due = clock.mono();
  loop.run_ready();
  EXPECT_EQ(seen, std::vector<MonoTime>(2, due));
}

TEST_F(LoopTest, WorksInTheOrderTimersThenTasksThenTheTicksEndThenTheDead) {
  std::string order;
  AtEnd flush([&] { order += 'f'; });
  Timer timer(loop.timers(), [&] { order += 't'; });
  timer.arm_after(milliseconds(1));
  clock.advance(milliseconds(1));
  loop.post([&] {
    order += 'p';
    loop.destroy_later(std::make_unique<Doomed>([&] { order += 'd'; }));
    loop.at_tick_end(flush);
    loop.at_tick_end(flush);  // once is enough
  });
  loop.run_ready();
  EXPECT_EQ(order, "tpfd");
}

TEST_F(LoopTest, WhatATimerSchedulesIsDoneBeforeTheLoopWaits) {
  std::string order;
  AtEnd flush([&] { order += 'f'; });
  Timer timer(loop.timers(), [&] {
    order += 't';
    loop.at_tick_end(flush);
  });
  timer.arm_after(milliseconds(1));
  clock.advance(milliseconds(1));
  loop.post([&] { order += 'p'; });
  loop.run_ready();
  EXPECT_EQ(order, "tfp");
}

TEST_F(LoopTest, WhatWasScheduledBetweenTicksIsDoneBeforeTheLoopWaits) {
  std::string order;
  AtEnd flush([&] { order += 'f'; });
  loop.at_tick_end(flush);
  loop.post([&] { order += 'p'; });
  loop.run_ready();
  EXPECT_EQ(order, "fp");
}

TEST_F(LoopTest, TickEndWorkMayScheduleCancelAndDestroyOtherWork) {
  std::string order;
  AtEnd third([&] { order += '3'; });
  auto never = std::make_unique<AtEnd>([&] { order += 'x'; });
  AtEnd first([&] {
    order += '1';
    loop.cancel_tick_end(*never);
    never.reset();
    loop.at_tick_end(third);
  });
  AtEnd second([&] { order += '2'; });
  loop.post([&] {
    loop.at_tick_end(first);
    loop.at_tick_end(*never);
    loop.at_tick_end(second);
  });
  loop.run_ready();
  EXPECT_EQ(order, "123");
  loop.cancel_tick_end(third);  // not scheduled: nothing to do
}

TEST_F(LoopTest, WorkCancelledAndScheduledAgainRunsOnce) {
  int runs = 0;
  AtEnd work([&] { ++runs; });
  loop.post([&] {
    loop.at_tick_end(work);
    loop.cancel_tick_end(work);
    loop.at_tick_end(work);
  });
  loop.run_ready();
  EXPECT_EQ(runs, 1);
}

TEST_F(LoopTest, TickEndWorkThatSchedulesItselfDoesNotHoldTheLoop) {
  int runs = 0;
  bool served = false;
  bool enough = false;
  AtEnd* self = nullptr;
  AtEnd work([&] {
    ++runs;
    if (runs > 10'000) enough = true;  // the loop was held: end the test rather than hang
    if (!served && !enough) loop.at_tick_end(*self);
  });
  self = &work;
  loop.post([&] { loop.at_tick_end(work); });
  loop.run_ready();
  loop.post([&] { served = true; });
  turn(loop);
  EXPECT_TRUE(served);
  EXPECT_FALSE(enough);
  EXPECT_GT(runs, 1);
}

TEST_F(LoopTest, ObjectsDoomedByTheDyingDieInTheSameTick) {
  std::string order;
  loop.post([&] {
    loop.destroy_later(std::make_unique<Doomed>([&] {
      order += '1';
      loop.destroy_later(std::make_unique<Doomed>([&] { order += '2'; }));
    }));
    order += '0';
  });
  loop.run_ready();
  EXPECT_EQ(order, "012");
}

TEST_F(LoopTest, MeasuresTheLongestTimeBetweenTwoWaits) {
  loop.post([&] { clock.advance(milliseconds(120)); });
  loop.run_ready();
  loop.run_ready();
  EXPECT_EQ(loop.take_max_lag(), milliseconds(120));
  EXPECT_EQ(loop.take_max_lag(), Duration::zero());
}

TEST_F(LoopTest, LagOfTasksAndOfTheTimersBehindThemAddsUp) {
  Timer slow(loop.timers(), [&] { clock.advance(milliseconds(30)); });
  slow.arm_after(milliseconds(50));
  loop.post([&] { clock.advance(milliseconds(70)); });
  loop.run_ready();  // the task
  loop.run_ready();  // the timer that became due meanwhile
  EXPECT_EQ(loop.take_max_lag(), milliseconds(100));
}

TEST_F(LoopTest, ServesWithoutAllocatingOutputBuffersAnew) {
  std::unique_ptr<char[]> buffer = loop.take_output_buffer();
  const char* const bytes = buffer.get();
  buffer[Loop::kOutputBufferBytes - 1] = 'x';
  loop.give_output_buffer(std::move(buffer));
  buffer = loop.take_output_buffer();
  EXPECT_EQ(buffer.get(), bytes);
}

TEST(Loop, RunsTheTasksOfEachThreadInItsOwnOrder) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 2'000;
  Loop loop;
  std::vector<std::vector<int>> seen(kThreads);  // touched on the loop's thread only
  int done = 0;
  std::thread owner([&] { loop.run(); });
  std::vector<std::thread> posters;
  for (int thread = 0; thread < kThreads; ++thread) {
    posters.emplace_back([&, thread] {
      for (int i = 0; i < kTasks; ++i) {
        ASSERT_TRUE(loop.post([&, thread, i] {
          loop.assert_owner();
          seen[thread].push_back(i);
          if (++done == kThreads * kTasks) loop.stop();
        }));
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  owner.join();
  for (const std::vector<int>& order : seen) {
    ASSERT_EQ(order.size(), static_cast<std::size_t>(kTasks));
    for (int i = 0; i < kTasks; ++i) ASSERT_EQ(order[i], i);
  }
}

TEST(Loop, StopFromAnotherThreadEndsAWaitingLoop) {
  Loop loop;
  std::atomic<bool> waiting{false};
  loop.post([&] { waiting = true; });
  std::thread owner([&] { loop.run(); });
  while (!waiting) std::this_thread::yield();
  loop.stop();
  owner.join();
}

TEST(Loop, StopBeforeRunStillRunsWhatWasPosted) {
  Loop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  loop.stop();
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(Loop, RunsWhatWasPostedBeforeStopAndRefusesWhatComesAfter) {
  Loop loop;
  std::string order;
  loop.post([&] {
    order += '1';
    loop.stop();
    EXPECT_TRUE(loop.post([&] {
      order += '2';
      EXPECT_FALSE(loop.post([] {}));
    }));
  });
  loop.run();
  EXPECT_EQ(order, "12");
  auto kept = std::make_shared<int>(1);
  EXPECT_FALSE(loop.post([kept] {}));
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(Loop, PostRacingWithTheEndEitherRunsOrIsRefused) {
  for (int round = 0; round < 50; ++round) {
    Loop loop;
    std::atomic<int> ran{0};
    int accepted = 0;
    std::thread owner([&] { loop.run(); });
    std::thread poster([&] {
      while (loop.post([&] { ++ran; })) ++accepted;
    });
    loop.stop();
    poster.join();
    owner.join();
    ASSERT_EQ(ran, accepted);
  }
}

TEST(Loop, DestroysUnrunTasksOfALoopThatNeverRan) {
  auto kept = std::make_shared<int>(1);
  {
    Loop loop;
    loop.post([kept] { FAIL(); });
    EXPECT_EQ(kept.use_count(), 2);
  }
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(Loop, RunSleepsUntilATimerIsDueAndNeverFiresEarly) {
  Loop loop;
  const MonoTime begin = SystemClock::instance().mono();
  MonoTime fired;
  Timer timer(loop.timers(), [&] {
    fired = SystemClock::instance().mono();
    loop.stop();
  });
  timer.arm_at(begin + milliseconds(20));
  loop.run();
  EXPECT_GE(fired, begin + milliseconds(20));
}

TEST(Loop, KnowsItsOwnThread) {
  Loop loop;
  bool inside = false;
  std::thread owner([&] { loop.run(); });
  loop.post([&] {
    inside = loop.on_owner_thread();
    loop.stop();
  });
  owner.join();
  EXPECT_TRUE(inside);
  EXPECT_FALSE(loop.on_owner_thread());
}

TEST(LoopDeathTest, RefusesAThreadThatDoesNotOwnIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Loop loop;
        std::atomic<bool> running{false};
        loop.post([&] { running = true; });
        std::thread owner([&] { loop.run(); });
        while (!running) std::this_thread::yield();
        AtEnd work([] {});
        loop.at_tick_end(work);
      },
      "used from another thread");
}

TEST(LoopDeathTest, RefusesToDieBeforeWhatItServes) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        int ends[2];
        (void)!::pipe(ends);
        std::unique_ptr<FdWatch> watch;
        Loop loop;
        watch = std::make_unique<FdWatch>(loop, ends[0], [](FdWatch::Ready) {});
        watch->want(true, false);
      },
      "a loop was destroyed before its handles");
}

}  // namespace
}  // namespace tocsin::event
