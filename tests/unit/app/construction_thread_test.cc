#include "gateway/app/construction_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

namespace tocsin::app {
namespace {

using namespace std::chrono_literals;

/// Says on which thread it ended.
class Told {
 public:
  explicit Told(std::promise<std::thread::id>& where) : where_(where) {}
  ~Told() { where_.set_value(std::this_thread::get_id()); }

 private:
  std::promise<std::thread::id>& where_;
};

class ConstructionThreadTest : public testing::Test {
 protected:
  ConstructionThreadTest() {
    control.run_ready();  // this thread owns it
    thread->run_and_wait([this] { there = std::this_thread::get_id(); });
  }
  /// Lets it begin nothing further until release().
  void hold() {
    thread->run([wait = go_on.get_future().share()] { wait.wait(); }, {});
  }
  void release() { go_on.set_value(); }

  event::Loop control;
  std::optional<ConstructionThread> thread{std::in_place, control};
  std::thread::id there;
  std::promise<void> go_on;
};

TEST_F(ConstructionThreadTest, WorksInOrderAndAnswersOnTheControlLoop) {
  std::vector<std::string> heard;
  for (const char* one : {"a", "b"}) {
    thread->run([] {}, [&heard, one] { heard.push_back(one); });
  }
  thread->run_and_wait([] {});
  EXPECT_TRUE(heard.empty());
  control.run_ready();
  EXPECT_EQ(heard, (std::vector<std::string>{"a", "b"}));
  EXPECT_NE(there, std::this_thread::get_id());
}

TEST_F(ConstructionThreadTest, TheControlLoopGoesOnWhileWorkHangs) {
  hold();
  bool done = false;
  thread->run([] {}, [&done] { done = true; });
  bool served = false;
  control.post([&served] { served = true; });
  control.run_ready();
  EXPECT_TRUE(served);
  EXPECT_FALSE(done);
  EXPECT_FALSE(thread->rests_within(1ms));
  release();
  EXPECT_TRUE(thread->rests_within(10s));
  control.run_ready();
  EXPECT_TRUE(done);
}

TEST_F(ConstructionThreadTest, WhatItKeepsEndsThere) {
  std::promise<std::thread::id> where;
  auto kept = thread->keep(std::make_shared<const Told>(where));
  auto other = kept;
  kept.reset();
  other.reset();
  EXPECT_EQ(where.get_future().get(), there);
}

TEST_F(ConstructionThreadTest, WhatItKeepsMayEndAfterIt) {
  std::promise<std::thread::id> where;
  auto kept = thread->keep(std::make_shared<const Told>(where));
  thread.reset();
  kept.reset();
  EXPECT_EQ(where.get_future().get(), std::this_thread::get_id());
}

TEST_F(ConstructionThreadTest, AnAnswerThatNobodyHeardEndsWithIt) {
  std::promise<std::thread::id> where;
  bool heard = false;
  thread->run([] {},
              [&heard, kept = thread->keep(std::make_shared<const Told>(where))] { heard = true; });
  thread.reset();
  EXPECT_EQ(where.get_future().wait_for(0s), std::future_status::ready);
  control.run_ready();
  EXPECT_FALSE(heard);
}

}  // namespace
}  // namespace tocsin::app
