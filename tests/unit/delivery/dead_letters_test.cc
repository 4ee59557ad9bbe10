// What becomes of dead letters by themselves: sent again by the clock, copied, told of.
#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// Keeps what was emitted.
class FakeEmit final : public stage::Emit {
 public:
  bool emit(const stage::EmitRequest& request, stage::EmitDone& done) override {
    texts.emplace_back(request.items.front().json);
    waiting.push_back(&done);
    return true;
  }
  void abandon(stage::EmitDone&) override {}
  void answer(stage::EmitOutcome::Kind kind = stage::EmitOutcome::Kind::kCommitted) {
    const stage::EmitOutcome outcome{.kind = kind};
    for (stage::EmitDone* done : std::exchange(waiting, {})) done->on_emitted({&outcome, 1});
  }
  std::vector<std::string> texts;
  std::vector<stage::EmitDone*> waiting;
};

class DeadLetters : public ::testing::Test {
 protected:
  static LanePolicy policy(DeadLetterPolicy dead_letters) {
    LanePolicy made = LanePolicy::standard();
    made.dead_letters = std::move(dead_letters);
    return made;
  }
  static std::optional<Verdict> fails(const stage::Attempt&) {
    return Verdict{.kind = VerdictKind::kInternal, .reason = "it broke"};
  }
  static std::optional<Verdict> rejects(const stage::Attempt&) {
    return Verdict{.kind = VerdictKind::kRejected, .reason = "no such user"};
  }
  double redriven(const std::string& by) {
    return world.metric("tocsin_dead_letters_redriven_total{output=\"chat\",by=\"" + by + "\"}");
  }
  double settled(const std::string& result) {
    return world.metric("tocsin_redrives_settled_total{output=\"chat\",result=\"" + result + "\"}");
  }
  std::size_t dead() { return storage.count(DeliveryState::kDead); }

  FakeStorage storage;
  World world{storage};
};

TEST_F(DeadLetters, AreSentAgainOnTheirScheduleAndThenFinal) {
  auto& chat = world.add_lane("chat", policy({.redrive = {minutes(1), minutes(10)}}));
  chat.output->script = fails;
  TestGroup& group = world.append({.to = {chat.door()}});
  world.pass(seconds(30));
  EXPECT_EQ(chat.output->seen.size(), std::size_t{kInternalAttemptsMax});
  EXPECT_TRUE(storage.row(group.delivery()).redrive_at);
  world.pass(minutes(2));
  EXPECT_EQ(chat.output->seen.size(), std::size_t{2 * kInternalAttemptsMax});
  EXPECT_EQ(storage.row(group.delivery()).redrives, 1U);
  EXPECT_EQ(redriven("schedule"), 1);
  EXPECT_EQ(settled("dead"), 1);
  world.pass(minutes(11), seconds(5));
  EXPECT_EQ(chat.output->seen.size(), std::size_t{3 * kInternalAttemptsMax});
  EXPECT_EQ(dead(), 1U);
  EXPECT_FALSE(storage.row(group.delivery()).redrive_at);
  world.pass(minutes(60), seconds(10));
  EXPECT_EQ(chat.output->seen.size(), std::size_t{3 * kInternalAttemptsMax});
}

TEST_F(DeadLetters, ArriveOnceWhatStoppedThemHasPassed) {
  auto& chat = world.add_lane("chat", policy({.redrive = {minutes(1)}}));
  chat.output->script = fails;
  TestGroup& group = world.append({.to = {chat.door()}});
  world.pass(seconds(30));
  chat.output->script = [](const auto&) { return delivered(); };
  world.pass(minutes(1));
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
  EXPECT_EQ(settled("delivered"), 1);
  world.append({.to = {chat.door()}});
  EXPECT_EQ(settled("delivered"), 1);
}

TEST_F(DeadLetters, AreCountedEachWhenManyAreSentAgain) {
  auto& chat = world.add_lane("chat", policy({.redrive = {minutes(1)}}));
  chat.output->script = fails;
  for (int i = 0; i < 3; ++i) world.append({.to = {chat.door()}});
  world.pass(minutes(2));
  EXPECT_EQ(redriven("schedule"), 3);
  EXPECT_EQ(settled("dead"), 3);
}

TEST_F(DeadLetters, AreCountedWhenAnOperatorSendsThemAgain) {
  auto& chat = world.add_lane("chat", policy({.redrive = {}}));
  chat.output->script = rejects;
  TestGroup& group = world.append({.to = {chat.door()}});
  chat.output->script = [](const auto&) { return delivered(); };
  TestReview review;
  review.op.id = group.delivery();
  review.op.verb = stage::Review::Verb::kRedrive;
  world.port->submit(review);
  world.pass(seconds(1));
  EXPECT_EQ(redriven("operator"), 1);
  EXPECT_EQ(settled("delivered"), 1);
}

TEST_F(DeadLetters, AreFinalAtOnceWhenTimeDoesNotHelp) {
  auto& chat = world.add_lane("chat", policy({.redrive = {minutes(1)}}));
  chat.output->script = rejects;
  TestGroup& group = world.append({.to = {chat.door()}});
  EXPECT_FALSE(storage.row(group.delivery()).redrive_at);
  world.pass(minutes(2));
  EXPECT_EQ(chat.output->seen.size(), 1U);
}

// Opens at the first failure, and closes at the first attempt that is delivered.
LanePolicy touchy(DeadLetterPolicy dead_letters) {
  LanePolicy made = LanePolicy::standard();
  made.dead_letters = std::move(dead_letters);
  made.breaker = policy::BreakerOptions{.window_calls = 1,
                                        .min_calls = 1,
                                        .open_for = seconds(10),
                                        .open_for_max = seconds(10),
                                        .half_open_calls = 1};
  return made;
}

TEST_F(DeadLetters, AreSentAgainAtOnceWhenTheirOutputRecovers) {
  auto& chat = world.add_lane("chat", touchy({.redrive = {hours(1)}, .on_recovery = true}));
  auto& other = world.add_lane("other", touchy({.redrive = {hours(1)}, .on_recovery = true}));
  chat.output->script = other.output->script = fails;
  TestGroup& group = world.append({.to = {chat.door(), other.door()}});
  world.pass(seconds(30));
  ASSERT_EQ(dead(), 2U);
  chat.output->script = [](const auto&) { return retry(); };
  world.append({.to = {chat.door()}});
  ASSERT_EQ(chat.lane->breaker_state(), policy::BreakerState::kOpen);
  chat.output->script = [](const auto&) { return delivered(); };
  world.pass(seconds(12));
  ASSERT_EQ(chat.lane->breaker_state(), policy::BreakerState::kClosed);
  EXPECT_EQ(storage.row(group.delivery(0)).state, DeliveryState::kDelivered);
  EXPECT_EQ(storage.row(group.delivery(0)).redrives, 1U) << "it counts as one of its times";
  EXPECT_EQ(redriven("breaker"), 1);
  EXPECT_EQ(storage.row(group.delivery(1)).state, DeliveryState::kDead);
}

TEST_F(DeadLetters, WaitForTheirTimeUnlessSomebodyAskedForMore) {
  auto& chat = world.add_lane("chat", touchy({.redrive = {hours(1)}}));
  chat.output->script = fails;
  TestGroup& group = world.append({.to = {chat.door()}});
  world.pass(seconds(30));
  chat.lane->force_breaker(BreakerOrder::kOpen);
  chat.lane->force_breaker(BreakerOrder::kClosed);
  world.pass(seconds(30));
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDead);
}

TEST_F(DeadLetters, OfAnOutputThatRecoveredComeInStepsAndFinalOnesStay) {
  auto& chat = world.add_lane("chat", policy({.redrive = {hours(1)}, .on_recovery = true}));
  chat.output->script = rejects;
  TestGroup& final = world.append({.to = {chat.door()}});
  chat.output->script = fails;
  constexpr std::size_t kMany = 2 * Redrives::kRowsMax;
  for (std::size_t i = 0; i < kMany; ++i) world.append({.to = {chat.door()}});
  world.pass(minutes(5));
  ASSERT_EQ(dead(), kMany + 1);
  chat.output->script = nullptr;
  const std::size_t before = chat.output->seen.size();
  chat.lane->force_breaker(BreakerOrder::kOpen);
  chat.lane->force_breaker(BreakerOrder::kClosed);
  world.turn();
  EXPECT_EQ(dead(), kMany + 1 - Redrives::kRowsMax);
  EXPECT_GT(chat.output->seen.size(), before);
  world.advance(Redrives::kStepEvery);
  EXPECT_EQ(dead(), 1U);
  EXPECT_EQ(redriven("breaker"), kMany);
  EXPECT_EQ(storage.row(final.delivery()).state, DeliveryState::kDead);
}

// The store goes while it is asked.
TEST_F(DeadLetters, OfAnOutputThatRecoveredAreNotForgottenWhenTheStoreFails) {
  auto& chat = world.add_lane("chat", policy({.redrive = {hours(1)}, .on_recovery = true}));
  chat.output->script = fails;
  TestGroup& group = world.append({.to = {chat.door()}});
  world.pass(seconds(30));
  ASSERT_EQ(dead(), 1U);
  chat.output->script = [](const auto&) { return delivered(); };
  storage.set_down(true);
  chat.lane->force_breaker(BreakerOrder::kOpen);
  chat.lane->force_breaker(BreakerOrder::kClosed);
  world.pass(seconds(7));
  storage.set_down(false);
  world.pass(seconds(20));
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
}

TEST_F(DeadLetters, ThatAnEarlierProcessLeftAreSentAgainToo) {
  {
    auto& chat = world.add_lane("chat", policy({.redrive = {minutes(1)}}));
    chat.output->script = fails;
    world.append({.to = {chat.door()}});
    world.pass(seconds(30));
    world.stop();
  }
  World next(storage);
  next.clock.advance(minutes(5));
  auto& chat = next.add_lane("chat");
  next.turn();
  EXPECT_EQ(chat.output->seen.size(), 1U);
}

// ---- a breaker that nothing but dead letters waits for

// Dead letters of one failed attempt, by an output whose breaker opened at the first of them.
class DeadLettersBehindABreaker : public DeadLetters {
 protected:
  void add(DeadLetterPolicy dead_letters, policy::BackoffOptions backoff = {.max_attempts = 1}) {
    LanePolicy policy = touchy(std::move(dead_letters));
    policy.backoff = policy::Backoff::make(backoff).value();
    add(policy);
  }
  void add(const LanePolicy& policy) {
    chat = &world.add_lane("chat", policy);
    chat->output->made.batch_max = 100;  // they fail together
    fail();
  }
  void fail() {
    chat->output->script = [](const auto&) { return retry(); };
  }
  void heal() {
    chat->output->script = [](const auto&) { return delivered(); };
  }
  void append(int count) {
    std::vector<Note> notes;
    for (int i = 0; i < count; ++i) notes.push_back({.to = {chat->door()}});
    world.submit(notes);
    world.turn();
  }
  std::size_t attempts() const { return chat->output->seen.size(); }
  bool closed() const { return policy::is_closed(chat->lane->breaker_state()); }

  World::LaneAndOutput* chat = nullptr;
};

TEST_F(DeadLettersBehindABreaker, AreItsProbesOneAtATime) {
  add({.redrive = {hours(24), hours(24), hours(24)}, .on_recovery = true});
  append(5);
  ASSERT_EQ(dead(), 5U);
  ASSERT_EQ(attempts(), 5U);
  world.pass(seconds(9));
  EXPECT_EQ(attempts(), 5U);
  world.pass(seconds(2));
  EXPECT_EQ(attempts(), 6U) << "the others wait for what comes of it";
  EXPECT_EQ(chat->lane->breaker_state(), policy::BreakerState::kOpen);
  world.pass(seconds(7));
  EXPECT_EQ(attempts(), 6U);
  heal();
  world.pass(seconds(5));
  EXPECT_TRUE(closed());
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 5U);
  EXPECT_EQ(attempts(), 11U);
  EXPECT_EQ(redriven("breaker"), 6);
}

TEST_F(DeadLettersBehindABreaker, AreAsManyProbesAsItWants) {
  LanePolicy policy = touchy({.redrive = {hours(24)}, .on_recovery = true});
  policy.backoff = policy::Backoff::make({.max_attempts = 1}).value();
  policy.breaker->half_open_calls = 3;
  add(policy);
  append(3);
  ASSERT_EQ(dead(), 3U);
  heal();
  world.pass(seconds(12));
  EXPECT_TRUE(closed());
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 3U);
}

TEST_F(DeadLettersBehindABreaker, OfAProcessThatIsNoMoreAreItsProbesToo) {
  add({.redrive = {hours(24)}, .on_recovery = true});
  append(2);
  const PaceState kept = chat->lane->pace_state();
  ASSERT_EQ(kept.breaker, policy::BreakerState::kOpen);
  world.stop();
  World next(storage);
  LanePolicy policy = touchy({.redrive = {hours(24)}, .on_recovery = true});
  Lane lane({*next.port, next.pool, next.metrics, next.log}, "chat", policy);
  lane.restore(kept);
  FakeOutput output(lane);
  output.script = [](const auto&) { return delivered(); };
  lane.attach(&output);
  next.pass(seconds(60));
  EXPECT_EQ(output.seen.size(), 2U);
  EXPECT_EQ(lane.breaker_state(), policy::BreakerState::kClosed);
  bool drained = false;
  lane.drain(seconds(1), [&] { drained = true; });
  while (!drained) next.advance(seconds(1));
}

TEST_F(DeadLettersBehindABreaker, WaitForTheirTimeUnlessAskedFor) {
  add({.redrive = {hours(1)}});
  append(2);
  world.pass(minutes(59), seconds(5));
  EXPECT_EQ(attempts(), 2U);
  heal();
  world.pass(minutes(2));
  EXPECT_TRUE(closed()) << "whose time has come is the probe";
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
}

TEST_F(DeadLettersBehindABreaker, StayWhereTheyAreWhileSomethingElseIsAboutToCome) {
  add({.redrive = {hours(24)}, .on_recovery = true},
      {.initial = seconds(20), .max = seconds(20), .jitter = policy::Jitter::kNone});
  chat->output->script = fails;
  append(1);
  world.pass(minutes(1));
  ASSERT_EQ(dead(), 1U);
  fail();
  append(1);
  const std::size_t before = attempts();
  world.pass(seconds(19));
  EXPECT_EQ(attempts(), before);
  heal();
  world.pass(seconds(3));
  EXPECT_TRUE(closed());
  EXPECT_EQ(chat->output->seen.at(before).number, 2U) << "the retry is the probe";
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
}

TEST_F(DeadLettersBehindABreaker, AreLeftAloneByAnOperatorsOrder) {
  add({.redrive = {hours(24)}, .on_recovery = true});
  append(2);
  chat->lane->force_breaker(BreakerOrder::kOpen);
  heal();
  world.pass(hours(1), seconds(5));
  EXPECT_EQ(attempts(), 2U);
  chat->lane->force_breaker(BreakerOrder::kAuto);
  world.pass(seconds(5));
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 2U);
}

// Each time costs a commit.
TEST_F(DeadLettersBehindABreaker, AreAskedForNowAndThenWhileThereAreNone) {
  add({.redrive = {hours(24)}, .on_recovery = true});
  append(1);
  storage.meddle(world.groups.back()->delivery(), [](FakeRow& row) { row.redrive_at.reset(); });
  world.pass(seconds(11));
  const auto asked = [this] {
    const auto batches = storage.batches();
    return std::ranges::count_if(batches, [](const auto& batch) {
      return std::ranges::count(batch, stage::OperationKind::kRedriveDue) > 0;
    });
  };
  const auto before = asked();
  world.pass(minutes(2));
  EXPECT_GE(asked() - before, 4);
  EXPECT_LE(asked() - before, 4 + 3) << "those by the clock come once a minute";
  EXPECT_EQ(attempts(), 1U);
}

TEST_F(DeadLetters, ExpireAsTheyWouldHaveWithoutDying) {
  auto& chat = world.add_lane("chat", policy({.redrive = {minutes(1)}}));
  chat.output->script = fails;
  TestGroup& group =
      world.append({.to = {chat.door()}, .expires_at = world.clock.wall() + minutes(1)});
  world.pass(minutes(3));
  EXPECT_EQ(chat.output->seen.size(), std::size_t{kInternalAttemptsMax});
  EXPECT_EQ(storage.row(group.delivery()).reason, "expired");
}

TEST_F(DeadLetters, AreCopiedOnceTheyAreFinalAndCopiesAreNot) {
  const DeadLetterPolicy mirrored{.redrive = {}, .mirror = "errors"};
  auto& chat = world.add_lane("chat", policy(mirrored));
  auto& errors = world.add_lane("errors", policy(mirrored));
  auto& other = world.add_lane("other", policy({.redrive = {}, .mirror = "chat"}));
  chat.output->script = rejects;
  errors.output->script = rejects;
  TestGroup& group = world.append({.to = {chat.door()}});
  ASSERT_EQ(errors.output->seen.size(), 1U);
  EXPECT_EQ(errors.output->seen[0].payload, chat.output->seen[0].payload);
  EXPECT_EQ(errors.output->seen[0].address, "");
  EXPECT_TRUE(storage.row({group.id(), 1}).mirror);
  EXPECT_EQ(storage.rows().size(), 2U) << "the copy died, too, and that was that";

  // Also where copies of copies would go to each other's outputs.
  other.output->script = rejects;
  world.append({.to = {other.door()}});
  EXPECT_EQ(chat.output->seen.size(), 2U);
  EXPECT_EQ(errors.output->seen.size(), 1U);
}

TEST_F(DeadLetters, AreToldOfOnceTheyAreFinal) {
  FakeEmit emit;
  DeadLetterNotices notices{emit, world.log};
  Lane lane({*world.port, world.pool, world.metrics, world.log, nullptr, &notices}, "sms",
            policy({.redrive = {minutes(1)}, .notify = true}));
  FakeOutput output(lane);
  output.script = fails;
  lane.attach(&output);
  world.turn();
  TestGroup& group = world.append({.to = {&lane.door()}});
  world.pass(seconds(30));
  EXPECT_TRUE(emit.texts.empty()) << "it is sent again first";
  world.pass(minutes(2));
  ASSERT_EQ(emit.texts.size(), 1U);
  const std::string& text = emit.texts[0];
  EXPECT_NE(text.find(R"("topic":"tocsin.dead_letter")"), std::string::npos) << text;
  EXPECT_NE(text.find(group.delivery().text()), std::string::npos) << text;
  EXPECT_NE(text.find(R"("output":"sms")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("reason":"fault of the output: it broke")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("attempts":"3")"), std::string::npos) << text;
  emit.answer();
  bool drained = false;
  lane.drain(seconds(1), [&] { drained = true; });
  while (!drained) world.advance(seconds(1));
}

}  // namespace
}  // namespace tocsin::delivery::testing
