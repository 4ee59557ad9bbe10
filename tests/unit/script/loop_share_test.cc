#include "gateway/script/loop_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

using stage::FilterStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime at(Duration since_begin) { return MonoTime(seconds(100) + since_begin); }

TEST(LoopShare, GivesATickItsPart) {
  LoopShare share;
  share.took(at(seconds(0)), milliseconds(249), {});
  EXPECT_EQ(share.rest(at(seconds(0))), Duration::zero());
  share.took(at(seconds(0)), milliseconds(1), {});
  EXPECT_GT(share.rest(at(seconds(0))), Duration::zero());
  EXPECT_EQ(share.rest(at(milliseconds(250))), Duration::zero()) << "another tick";
}

TEST(LoopShare, LetsUsefulWorkGoOnForEver) {
  LoopShare share;
  for (int i = 0; i < 1000; ++i) {
    const MonoTime tick = at(milliseconds(100) * i);
    EXPECT_EQ(share.rest(tick), Duration::zero());
    share.took(tick, milliseconds(99), {});
  }
}

TEST(LoopShare, GivesWhatComesToNothingATenthOfTheTime) {
  LoopShare share;
  Duration wasted = Duration::zero();
  for (int i = 0; i < 10000; ++i) {
    const MonoTime tick = at(milliseconds(10) * i);
    if (share.rest(tick) > Duration::zero()) continue;
    share.took(tick, milliseconds(50), milliseconds(50));
    wasted += milliseconds(50);
  }
  EXPECT_GE(wasted, seconds(10));
  EXPECT_LE(wasted, seconds(10) + LoopShare::kWasteMax + milliseconds(50));
}

TEST(LoopShare, SaysWhenItsTurnComes) {
  LoopShare share;
  for (int i = 0; i < 5; ++i) share.took(at(seconds(0)), milliseconds(50), milliseconds(50));
  const Duration rest = share.rest(at(seconds(0)));
  EXPECT_EQ(rest, milliseconds(500));
  EXPECT_EQ(share.rest(at(rest)), Duration::zero());
}

/// A clock of slices that moves with each look at it, as it does for a script that takes its time.
class RushingClock final : public Clock {
 public:
  MonoTime mono() const override { return now_ += milliseconds(10); }
  WallTime wall() const override { return WallTime(seconds(1'700'000'000)); }

 private:
  mutable MonoTime now_{};
};

/// What runs 2,000 instructions takes about 80 ms there.
class Hurried : public ScriptTest {
 protected:
  Hurried() : ScriptTest(&rushing) {}

  static constexpr std::string_view kSlow = "for i = 1, 1000 do local x = i end ";
  static constexpr std::string_view kEndless = "while true do end ";
  static inline RushingClock rushing;
};

TEST_F(Hurried, AFilterThatHadItsShareOfATickGoesOnInTheNext) {
  const auto filter = filter_of(std::string(kSlow) + "return 'drop'");
  std::vector<std::unique_ptr<HeardCall>> calls;
  std::size_t at_once = 0;
  for (int i = 0; i < 40; ++i) {
    calls.push_back(std::make_unique<HeardCall>(arena));
    const FilterStatus status = filter->on_message(*calls.back());
    EXPECT_NE(status, FilterStatus::kPass);
    if (status == FilterStatus::kDrop) ++at_once;
  }
  EXPECT_GE(at_once, 1U);
  EXPECT_LT(at_once, 40U) << "all of them ran in one tick";
  for (int i = 0; i < 40; ++i) advance(milliseconds(10));
  std::size_t later = 0;
  for (const auto& call : calls) {
    if (call->decided == std::vector{FilterStatus::kDrop}) ++later;
  }
  EXPECT_EQ(at_once + later, 40U) << logged();
}

TEST_F(Hurried, AFilterThatWastedItsShareLetsPassWhatWaitsForItInVain) {
  const auto filter = filter_of(kEndless);
  std::vector<std::unique_ptr<HeardCall>> calls;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(std::make_unique<HeardCall>(arena));
    EXPECT_EQ(filter->on_message(*calls.back()),
              i == 0 ? FilterStatus::kPass : FilterStatus::kHold);
  }
  EXPECT_EQ(errors(Failure::Kind::kInstructions), 1U);
  for (int i = 0; i < 10; ++i) advance(seconds(1));
  for (const auto& call : calls) {
    if (call == calls.front()) continue;
    EXPECT_EQ(call->decided, std::vector{FilterStatus::kPass});
  }
  EXPECT_GT(errors(Failure::Kind::kExpired), 80U);
  EXPECT_EQ(errors(Failure::Kind::kExpired) + errors(Failure::Kind::kInstructions), 100U);
}

TEST_F(Hurried, WhatWaitedGoesOnWhenItIsItsTurn) {
  const auto filter = filter_of("tocsin.sleep(10) " + std::string(kSlow) + "return 'drop'");
  std::vector<std::unique_ptr<HeardCall>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(std::make_unique<HeardCall>(arena));
    EXPECT_EQ(filter->on_message(*calls.back()), FilterStatus::kHold);
  }
  const auto decided = [&] {
    return std::ranges::count_if(calls, [](const auto& call) { return !call->decided.empty(); });
  };
  advance(milliseconds(10));
  EXPECT_GE(decided(), 1);
  EXPECT_LT(decided(), 20) << "all of them ran in one tick";
  for (int i = 0; i < 20; ++i) advance(milliseconds(10));
  EXPECT_EQ(decided(), 20);
}

TEST_F(Hurried, ARouteThatRestsHasNoOpinion) {
  auto opened = Script::open_route(
      folder.write("r.lua", "function route(n) " + std::string(kEndless) + "end"));
  ASSERT_TRUE(opened);
  scripts.push_back(std::move(*opened));
  ScriptRoute route(worker_of(instance_of(scripts.back())), {"ops"});
  stage::RouteOpinion opinion;
  route.route({.topic = "orders"}, opinion);
  EXPECT_NE(opinion.problem.find("too many instructions"), std::string::npos) << opinion.problem;
  route.route({.topic = "orders"}, opinion);
  EXPECT_FALSE(opinion.has_one);
  EXPECT_EQ(opinion.problem, "the script took too much of its loop's time: it rests");
}

struct Heard final : stage::AttemptDone {
  void complete(stage::AttemptToken /*token*/, message::Verdict verdict) override {
    verdicts.push_back(std::move(verdict));
  }
  std::vector<message::Verdict> verdicts;
};

TEST_F(Hurried, AnOutputThatRestsSpendsNoAttempt) {
  Heard heard;
  ScriptOutput output(
      worker_of(instance_of(script_of(
          Kind::kOutput, "return {deliver = function(a) " + std::string(kEndless) + " end}"))),
      heard);
  const message::Notification notification{.topic = "orders"};
  const stage::Attempt one{.token = 1,
                           .delivery = {{42}, 1},
                           .number = 1,
                           .notification = &notification,
                           .payload = "{}",
                           .address = {},
                           .accepted_at = clock.wall(),
                           .deadline = clock.mono() + seconds(10)};
  const std::vector<stage::Attempt> attempts(3, one);
  output.deliver(attempts);
  ASSERT_EQ(heard.verdicts.size(), 3U);
  std::ranges::sort(heard.verdicts, {}, &message::Verdict::kind);
  EXPECT_EQ(heard.verdicts[0].kind, message::VerdictKind::kThrottled);
  EXPECT_EQ(heard.verdicts[0].scope, message::VerdictScope::kOutput);
  EXPECT_GT(heard.verdicts[0].after, Duration::zero());
  EXPECT_EQ(heard.verdicts[1].kind, message::VerdictKind::kThrottled);
  EXPECT_EQ(heard.verdicts[2].kind, message::VerdictKind::kInternal);
}

}  // namespace
}  // namespace tocsin::script
