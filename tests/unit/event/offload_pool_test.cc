#include "gateway/event/offload_pool.h"

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace tocsin::event {
namespace {

TEST(OffloadPool, RunsTheWorkElsewhereAndTheDoneOnTheLoop) {
  Loop loop;
  OffloadPool pool(1, 8);
  std::thread::id worked_on, done_on;
  ASSERT_TRUE(pool.submit(
      loop, [&] { worked_on = std::this_thread::get_id(); },
      [&] {
        done_on = std::this_thread::get_id();
        loop.stop();
      }));
  loop.run();
  EXPECT_EQ(done_on, std::this_thread::get_id());
  EXPECT_NE(worked_on, std::thread::id());
  EXPECT_NE(worked_on, done_on);
}

TEST(OffloadPool, KeepsTheOrderOfJobsWithOneThread) {
  Loop loop;
  OffloadPool pool(1, 64);
  std::vector<int> order;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.submit(
        loop, [&order, i] { order.push_back(i); },
        [&loop, i] {
          if (i == 49) loop.stop();
        }));
  }
  loop.run();
  ASSERT_EQ(order.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(order[i], i);
}

TEST(OffloadPool, RunsAsManyJobsAtOnceAsItHasThreads) {
  Loop loop;
  OffloadPool pool(3, 8);
  std::latch all_inside(3);  // passes only when three jobs are inside together
  int done = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.submit(
        loop, [&] { all_inside.arrive_and_wait(); },
        [&] {
          if (++done == 3) loop.stop();
        }));
  }
  loop.run();
  EXPECT_EQ(done, 3);
}

TEST(OffloadPool, RefusesWhatDoesNotFitTheQueue) {
  Loop loop;
  std::latch began(1), go_on(1);
  OffloadPool pool(1, 2);
  ASSERT_TRUE(pool.submit(
      loop,
      [&] {
        began.count_down();
        go_on.wait();
      },
      [] {}));
  began.wait();  // the thread holds the first job, so the queue is empty
  int ran = 0;
  const auto last_done = [&] {
    if (++ran == 2) loop.stop();
  };
  EXPECT_TRUE(pool.submit(loop, [] {}, last_done));
  EXPECT_TRUE(pool.submit(loop, [] {}, last_done));
  EXPECT_EQ(pool.waiting(), 2u);
  auto held = std::make_shared<int>(1);
  EXPECT_FALSE(pool.submit(loop, [held] {}, [held] {}));
  EXPECT_EQ(held.use_count(), 1) << "a refused job must be destroyed";
  go_on.count_down();
  loop.run();
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(pool.waiting(), 0u);
}

TEST(OffloadPool, FinishesTheRunningJobAndDropsTheWaitingOnesWhenItDies) {
  Loop loop;
  std::latch began(1), go_on(1);
  bool finished = false, dropped_ran = false, done_ran = false;
  auto held = std::make_shared<int>(1);
  std::optional<OffloadPool> pool(std::in_place, 1, 8);
  ASSERT_TRUE(pool->submit(
      loop,
      [&] {
        began.count_down();
        go_on.wait();
        finished = true;
      },
      [&] { done_ran = true; }));
  ASSERT_TRUE(pool->submit(loop, [held, &dropped_ran] { dropped_ran = true; }, [held] {}));
  began.wait();
  std::thread opener([&] { go_on.count_down(); });
  pool.reset();
  opener.join();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(dropped_ran);
  EXPECT_EQ(held.use_count(), 1);
  loop.run_ready();
  EXPECT_TRUE(done_ran) << "what was posted before the pool died still arrives";
}

TEST(OffloadPool, DestroysTheWorkBeforeTheLoopHearsOfIt) {
  Loop loop;
  OffloadPool pool(1, 8);
  auto held = std::make_shared<int>(1);
  long holders_in_done = 0;
  ASSERT_TRUE(pool.submit(
      loop, [held] {},
      [&] {
        holders_in_done = held.use_count();
        loop.stop();
      }));
  loop.run();
  EXPECT_EQ(holders_in_done, 1);
}

TEST(OffloadPool, DestroysTheDoneOfAClosedLoopUnrun) {
  Loop loop;
  loop.stop();
  loop.run();  // closes the loop for posts
  bool done_ran = false;
  auto held = std::make_shared<int>(1);
  {
    OffloadPool pool(1, 8);
    std::latch worked(1);
    ASSERT_TRUE(
        pool.submit(loop, [&] { worked.count_down(); }, [held, &done_ran] { done_ran = true; }));
    worked.wait();
  }
  EXPECT_FALSE(done_ran);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace tocsin::event
