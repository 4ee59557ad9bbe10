// What lanes know of their pace and what becomes of it in the next process, played with two worlds
// on one store.
#include "gateway/delivery/pace_keeper.h"

#include <gtest/gtest.h>

#include "gateway/delivery/outbox_records.h"
#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using policy::BreakerState;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Verdict throttled(Duration after, VerdictScope scope = VerdictScope::kOutput) {
  return {.kind = VerdictKind::kThrottled, .scope = scope, .after = after};
}

LanePolicy quick_breaker() {
  LanePolicy policy = LanePolicy::standard();
  policy.breaker = policy::BreakerOptions{.window_calls = 2,
                                          .min_calls = 2,
                                          .open_for = seconds(10),
                                          .open_for_max = seconds(40),
                                          .half_open_calls = 1};
  return policy;
}

/// One process: a lane of the output "hook" that finds in the book what the store kept.
class Process {
 public:
  explicit Process(FakeStorage& store, LanePolicy policy = LanePolicy::standard(),
                   Duration later = Duration::zero(), std::string instance = "one",
                   std::shared_ptr<AccountGate> account = nullptr)
      : world(store), storage(store), book(std::move(instance)) {
    world.advance(later);
    EXPECT_TRUE(book.load(store, world.clock.wall()));
    lane = std::make_unique<Lane>(LaneSurroundings{*world.port, world.pool, world.metrics,
                                                   world.log, nullptr, nullptr, &keeper},
                                  "hook", policy);
    output = std::make_unique<FakeOutput>(*lane);
    if (const auto state = book.find("hook")) lane->restore(*state);
    lane->attach(output.get(), policy, std::move(account));
    world.turn();
  }
  ~Process() {
    if (!ended) end();
  }
  void end() {
    ended = true;
    bool drained = false;
    lane->drain(seconds(1), [&] { drained = true; });
    world.turn();  // what is asked for at intervals goes no further
    while (!drained) world.advance(seconds(1));
    world.turn();
    world.stop();
    lane.reset();
  }
  /// As a power cut: what was not written stays unwritten.
  void crash() {
    keeper.stop();
    end();
  }
  void send(int count = 1) {
    for (int i = 0; i < count; ++i) world.append({.to = {&lane->door()}});
  }
  std::optional<PaceState> kept() {
    const auto record =
        storage.get_record(kPaceCollection, book.key_of("hook"), world.clock.wall()).value();
    return record ? decode_pace_state(record->value) : std::nullopt;
  }

  World world;
  FakeStorage& storage;
  event::OffloadPool pool{1, 2};
  OutboxRecords records{*world.port, storage, pool};
  PaceBook book;
  PaceKeeper keeper{world.worker, records, book, world.log};
  std::unique_ptr<Lane> lane;
  std::unique_ptr<FakeOutput> output;
  bool ended = false;
};

class PaceKeeperTest : public ::testing::Test {
 protected:
  FakeStorage storage;
};

TEST_F(PaceKeeperTest, APauseOfTheReceiverOutlivesACrash) {
  {
    Process before(storage);
    before.output->script = [](const auto&) { return throttled(minutes(5)); };
    before.send();
    before.world.advance(PaceKeeper::kWriteAfter);
    before.crash();
  }
  Process after(storage, LanePolicy::standard(), minutes(1));
  after.send();
  EXPECT_TRUE(after.output->seen.empty());
  EXPECT_EQ(after.lane->look().wait, LaneWait::kThrottled);
  after.world.pass(minutes(3));
  EXPECT_TRUE(after.output->seen.empty());
  after.world.pass(minutes(2));
  EXPECT_FALSE(after.output->seen.empty());
}

TEST_F(PaceKeeperTest, ManyChangesAreOneRecordALittleLater) {
  Process process(storage);
  process.output->script = [](const auto&) { return throttled(minutes(5)); };
  process.send();
  EXPECT_FALSE(process.kept());
  process.world.advance(PaceKeeper::kWriteAfter);
  ASSERT_TRUE(process.kept());
  EXPECT_GT(process.kept()->throttled_left, minutes(4));
}

TEST_F(PaceKeeperTest, DeliveriesThatGoWellWriteNothing) {
  Process process(storage);
  process.output->script = [](const auto&) { return delivered(); };
  process.send(50);
  process.world.pass(seconds(2));
  EXPECT_FALSE(process.kept());
  process.end();
  EXPECT_FALSE(process.kept());
}

TEST_F(PaceKeeperTest, AnOperatorsPauseOutlivesACrashAndEndsByHisWordAlone) {
  {
    Process before(storage);
    before.lane->halt();
    before.world.turn();
    before.crash();
  }
  {
    Process after(storage, LanePolicy::standard(), std::chrono::hours(24 * 7));
    after.send();
    after.world.pass(minutes(10), seconds(5));
    EXPECT_TRUE(after.output->seen.empty());
    EXPECT_TRUE(after.lane->halted());
    EXPECT_EQ(after.world.metric("tocsin_lane_paused{output=\"hook\",reason=\"operator\"}"), 1);
    EXPECT_TRUE(after.lane->resume());
    after.world.turn();
    EXPECT_EQ(after.output->seen.size(), 1U);
    after.crash();
  }
  Process last(storage);
  EXPECT_FALSE(last.lane->halted());
}

TEST_F(PaceKeeperTest, AnOperatorsWordIsWrittenAtOnceAndStands) {
  {
    Process before(storage);
    before.lane->force_breaker(BreakerOrder::kOpen);
    before.world.turn();
    ASSERT_TRUE(before.kept());
    before.crash();
  }
  {
    Process after(storage, LanePolicy::standard(), hours(24 * 100));
    EXPECT_EQ(after.lane->breaker_state(), BreakerState::kForcedOpen);
    after.send();
    EXPECT_TRUE(after.output->seen.empty());
    after.lane->force_breaker(BreakerOrder::kAuto);
    after.world.turn();
    EXPECT_FALSE(after.kept());
    EXPECT_EQ(after.output->seen.size(), 1U);
    after.output->complete();
  }
  Process last(storage);
  EXPECT_EQ(last.lane->breaker_state(), BreakerState::kClosed);
}

TEST_F(PaceKeeperTest, AnOpenBreakerStaysOpenForAsLongAsItHadLeft) {
  {
    Process before(storage, quick_breaker());
    before.output->script = [](const auto&) { return retry(); };
    before.send(2);
    ASSERT_EQ(before.lane->breaker_state(), BreakerState::kOpen);
    before.world.advance(seconds(4));
    before.crash();
  }
  Process after(storage, quick_breaker(), seconds(4));
  EXPECT_EQ(after.lane->breaker_state(), BreakerState::kOpen);
  EXPECT_EQ(after.lane->look().wait, LaneWait::kBreaker);
  EXPECT_LE(after.lane->look().until, after.world.worker.now() + seconds(6));
  after.output->script = [](const auto&) { return delivered(); };
  after.send();
  after.world.pass(seconds(7));
  EXPECT_EQ(after.lane->breaker_state(), BreakerState::kClosed);
}

TEST_F(PaceKeeperTest, WhatItsCredentialsWereRefusedForIsProbed) {
  {
    Process before(storage);
    before.output->script = [](const auto&) {
      return Verdict{.kind = VerdictKind::kUnauthorized, .scope = VerdictScope::kAccount};
    };
    before.send();
    before.end();
  }
  Process after(storage);
  EXPECT_TRUE(after.lane->paused());
  EXPECT_EQ(after.lane->look().wait, LaneWait::kUnauthorized);
  after.output->script = [](const auto&) { return delivered(); };
  after.send();
  after.world.pass(minutes(1) + seconds(1));
  EXPECT_FALSE(after.lane->paused());
  EXPECT_FALSE(after.kept());
}

TEST_F(PaceKeeperTest, ARateHasSpentWhatItHadSpentWhenTheProcessEndedInOrder) {
  LanePolicy slow = LanePolicy::standard();
  slow.rate = policy::RateLimit::make({.count = 1, .period = minutes(10)}, 1).value();
  {
    Process before(storage, slow);
    before.output->script = [](const auto&) { return delivered(); };
    before.send();
    ASSERT_EQ(before.output->seen.size(), 1U);
    before.end();
  }
  Process after(storage, slow, minutes(1));
  after.output->script = [](const auto&) { return delivered(); };
  after.send();
  EXPECT_TRUE(after.output->seen.empty());
  after.world.pass(minutes(8));
  EXPECT_TRUE(after.output->seen.empty());
  after.world.pass(minutes(2));
  EXPECT_EQ(after.output->seen.size(), 1U);
}

TEST_F(PaceKeeperTest, AnAccountStaysClosedForThatAccountOnly) {
  {
    Process before(storage, LanePolicy::standard(), Duration::zero(), "one",
                   std::make_shared<AccountGate>("sms/AC12"));
    before.output->script = [](const auto&) {
      return throttled(minutes(5), VerdictScope::kAccount);
    };
    before.send();
    before.end();
  }
  {
    Process same(storage, LanePolicy::standard(), Duration::zero(), "one",
                 std::make_shared<AccountGate>("sms/AC12"));
    EXPECT_EQ(same.lane->look().wait, LaneWait::kAccount);
  }
  Process other(storage, LanePolicy::standard(), Duration::zero(), "one",
                std::make_shared<AccountGate>("sms/AC13"));
  EXPECT_EQ(other.lane->look().wait, LaneWait::kNothing);
}

TEST_F(PaceKeeperTest, HowOftenAReceiverAskedOutlivesACrash) {
  const auto asks = [](const auto&) { return throttled(Duration::zero()); };
  {
    Process before(storage);
    before.output->script = asks;
    before.send();
    before.world.pass(seconds(4), milliseconds(100));
    ASSERT_EQ(before.output->seen.size(), 3U);
    before.world.advance(PaceKeeper::kWriteAfter);
    ASSERT_TRUE(before.kept());
    EXPECT_EQ(before.kept()->throttle_steps, 3U);
    before.crash();
  }
  Process after(storage);
  after.output->script = asks;
  after.world.pass(seconds(5));
  ASSERT_EQ(after.output->seen.size(), 1U);
  after.world.advance(PaceKeeper::kWriteAfter);
  EXPECT_EQ(after.kept()->throttle_steps, 4U);
  EXPECT_GT(after.kept()->throttled_left, seconds(5)) << "eight seconds, of which some have passed";
  after.output->script = [](const auto&) { return delivered(); };
  after.world.pass(seconds(12));
  ASSERT_EQ(after.output->seen.size(), 2U);
  EXPECT_FALSE(after.kept()) << "what is served ends it";
}

TEST_F(PaceKeeperTest, HowOftenAnAccountWasAskedForOutlivesACrash) {
  const auto account = [] { return std::make_shared<AccountGate>("sms/AC12"); };
  {
    Process before(storage, LanePolicy::standard(), Duration::zero(), "one", account());
    before.output->script = [](const auto&) {
      return throttled(Duration::zero(), VerdictScope::kAccount);
    };
    before.send();
    before.world.pass(seconds(2));
    before.world.advance(PaceKeeper::kWriteAfter);
    EXPECT_EQ(before.kept()->account_steps, 2U);
    before.crash();
  }
  const auto gate = account();
  Process after(storage, LanePolicy::standard(), Duration::zero(), "one", gate);
  EXPECT_EQ(gate->steps(), 2U);
  EXPECT_EQ(after.lane->pace_state().throttle_steps, 0U);
  const auto another = std::make_shared<AccountGate>("sms/AC13");
  after.end();
  Process moved(storage, LanePolicy::standard(), Duration::zero(), "one", another);
  EXPECT_EQ(another->steps(), 0U);
}

LanePolicy recovering() {
  LanePolicy policy = quick_breaker();
  policy.backoff = policy::Backoff::make({.max_attempts = 1}).value();
  policy.dead_letters = {.redrive = {hours(24)}, .on_recovery = true};
  return policy;
}

// More than one step of dead letters, of which the first has gone when the process dies.
class RecoveryTest : public PaceKeeperTest {
 protected:
  static constexpr std::size_t kMany = Redrives::kRowsMax + 44;
  std::size_t dead() { return storage.count(DeliveryState::kDead); }
  void recover_by_half(Process& process) {
    process.output->script = [](const auto&) {
      return Verdict{.kind = VerdictKind::kInternal, .reason = "it broke"};
    };
    process.send(kMany);
    ASSERT_EQ(dead(), kMany);
    process.output->script = [](const auto&) { return delivered(); };
    process.lane->force_breaker(BreakerOrder::kOpen);
    process.lane->force_breaker(BreakerOrder::kClosed);
    process.world.turn();
    process.world.advance(PaceKeeper::kWriteAfter);
    ASSERT_EQ(dead(), kMany - Redrives::kRowsMax);
  }
};

TEST_F(RecoveryTest, GoesOnAfterACrash) {
  {
    Process before(storage, recovering());
    recover_by_half(before);
    ASSERT_TRUE(before.kept());
    EXPECT_TRUE(before.kept()->recovering);
    before.crash();
  }
  ASSERT_GT(dead(), 0U);
  Process after(storage, recovering());
  after.world.pass(seconds(3));
  EXPECT_EQ(dead(), 0U);
  EXPECT_FALSE(after.kept()->recovering) << "the operator's word stands, the recovery is over";
}

TEST_F(RecoveryTest, GoesOnAfterAnEndInOrder) {
  {
    Process before(storage, recovering());
    recover_by_half(before);
    before.end();
  }
  ASSERT_GT(dead(), 0U);
  Process after(storage, recovering());
  after.world.pass(seconds(3));
  EXPECT_EQ(dead(), 0U);
}

TEST_F(RecoveryTest, GoesOnInTheProcessThatTakesOver) {
  {
    Process before(storage, recovering());
    recover_by_half(before);
    before.crash();
  }
  storage.forget_records();
  storage.set_record(kOwnCollection, kKeySecretKey, encode(KeySecret{}));
  Process after(storage, recovering());
  after.world.pass(seconds(3));
  ASSERT_GT(dead(), 0U);
  PaceState state;
  state.at = after.world.clock.wall();
  state.recovering = true;
  after.lane->await_pace(seconds(5));
  after.lane->adopt(&state);
  after.world.pass(seconds(3));
  EXPECT_EQ(dead(), 0U);
}

TEST_F(RecoveryTest, IsNobodysAnyMoreWhereItIsNotAskedFor) {
  {
    Process before(storage, recovering());
    recover_by_half(before);
    before.crash();
  }
  const std::size_t left = dead();
  LanePolicy policy = recovering();
  policy.dead_letters.on_recovery = false;
  Process after(storage, policy);
  after.world.pass(seconds(3));
  EXPECT_EQ(dead(), left);
  EXPECT_FALSE(after.lane->pace_state().recovering);
}

TEST_F(PaceKeeperTest, GatewaysOnOneStoreKeepTheirOwn) {
  {
    Process one(storage);
    one.lane->force_breaker(BreakerOrder::kOpen);
    one.world.turn();
    one.crash();
  }
  {
    Process two(storage, LanePolicy::standard(), Duration::zero(), "two");
    EXPECT_EQ(two.lane->breaker_state(), BreakerState::kClosed);
  }
  Process again(storage);
  EXPECT_EQ(again.lane->breaker_state(), BreakerState::kForcedOpen);
}

TEST_F(PaceKeeperTest, ARecordThatCannotBeReadIsNone) {
  storage.set_record(kPaceCollection, "one/hook", "what is this");
  Process process(storage);
  EXPECT_EQ(process.lane->look().wait, LaneWait::kNothing);
  process.lane->force_breaker(BreakerOrder::kOpen);
  process.world.turn();
  EXPECT_TRUE(process.kept());
}

TEST_F(PaceKeeperTest, AClockThatWasSetBackMakesNothingLonger) {
  storage.set_record(kPaceCollection, "one/hook",
                     R"({"at":"2100-01-01T00:00:00Z","breaker":"open","breaker_us":9000000000000,)"
                     R"("throttled_us":9000000000000})");
  Process process(storage, quick_breaker());
  const MonoTime now = process.world.worker.now();
  EXPECT_EQ(process.lane->look().until, now + kThrottleMax);
  process.world.pass(kThrottleMax, minutes(1));
  EXPECT_EQ(process.lane->look().wait, LaneWait::kNothing);
}

// --- what another process hands over

TEST_F(PaceKeeperTest, ALaneWaitsForTheProcessBefore) {
  Process process(storage);
  process.lane->await_pace(seconds(5));
  process.send();
  process.world.advance(seconds(4));
  EXPECT_TRUE(process.output->seen.empty());
  process.lane->adopt(nullptr);
  process.world.turn();
  EXPECT_EQ(process.output->seen.size(), 1U);
  process.output->complete();
}

TEST_F(PaceKeeperTest, ALaneDoesNotWaitForEver) {
  Process process(storage);
  process.lane->await_pace(seconds(5));
  process.send();
  process.world.pass(seconds(6));
  EXPECT_EQ(process.output->seen.size(), 1U);
  process.output->complete();
}

TEST_F(PaceKeeperTest, ALaneGoesOnWhereTheProcessBeforeWas) {
  FakeStorage another;  // the fake is nobody's but one process's
  Process before(another, quick_breaker(), Duration::zero(), "before");
  before.output->script = [](const auto&) { return retry(); };
  before.send(2);
  Process after(storage, quick_breaker(), Duration::zero(), "after");
  after.lane->await_pace(seconds(5));
  const PaceState state = before.lane->pace_state();
  after.lane->adopt(&state);
  after.world.turn();
  EXPECT_EQ(after.lane->breaker_state(), BreakerState::kOpen);
  EXPECT_TRUE(after.kept());
}

TEST_F(PaceKeeperTest, WhatAnOperatorSaidMeanwhileCountsForMore) {
  Process process(storage);
  process.lane->await_pace(seconds(5));
  process.lane->force_breaker(BreakerOrder::kOpen);
  PaceState state;
  state.at = process.world.clock.wall();
  state.throttled_left = minutes(1);
  process.lane->adopt(&state);
  EXPECT_EQ(process.lane->breaker_state(), BreakerState::kForcedOpen);
  process.lane->force_breaker(BreakerOrder::kAuto);
  EXPECT_EQ(process.lane->look().wait, LaneWait::kThrottled);
}

TEST_F(PaceKeeperTest, WhatComesLateIsOnlyWhatReceiversAskedFor) {
  Process process(storage);
  PaceState state;
  state.at = process.world.clock.wall();
  state.breaker = BreakerState::kForcedOpen;
  state.throttled_left = minutes(1);
  process.lane->adopt(&state);
  EXPECT_EQ(process.lane->breaker_state(), BreakerState::kClosed);
  EXPECT_EQ(process.lane->look().wait, LaneWait::kThrottled);
}

/// Answers when it is told to.
class LateRecords : public stage::Records {
 public:
  using Done = Function<void(Result<stage::RecordOutcome>)>;
  void get(std::string_view, std::string_view,
           Function<void(Result<std::optional<stage::Record>>)>) override {}
  void put(stage::RecordPut put, Done done) override {
    puts.push_back(std::move(put));
    answers.push_back(std::move(done));
  }
  void remove(std::string_view, std::string_view, stage::RecordVersion, Done done) override {
    answers.push_back(std::move(done));
  }
  void scan(stage::RecordScan, Function<void(Result<stage::RecordPage>)>) override {}

  std::vector<stage::RecordPut> puts;
  std::vector<Done> answers;
};

TEST_F(PaceKeeperTest, AWriteThatFailedIsNotRepeatedOverANewerOne) {
  World world(storage);
  LateRecords records;
  PaceBook book("one");
  PaceKeeper keeper(world.worker, records, book, world.log);
  PaceState running;
  running.breaker = BreakerState::kForcedOpen;
  PaceState paused = running;
  paused.halted = true;

  keeper.keep("hook", running, PaceKeeper::When::kAtOnce);
  keeper.keep("hook", paused, PaceKeeper::When::kAtOnce);
  ASSERT_EQ(records.puts.size(), 2U);
  records.answers[0](fail(Code::kUnavailable, "the store is locked"));
  records.answers[1](stage::RecordOutcome{.changed = true, .version = 1});
  world.advance(PaceKeeper::kRetryAfter * 2);
  EXPECT_EQ(records.puts.size(), 2U) << "the older state came over the newer one";

  // The newest is tried again, once for all that failed.
  keeper.keep("hook", running, PaceKeeper::When::kAtOnce);
  keeper.keep("hook", paused, PaceKeeper::When::kAtOnce);
  records.answers[3](fail(Code::kUnavailable, "the store is locked"));
  records.answers[2](fail(Code::kUnavailable, "the store is locked"));
  world.advance(PaceKeeper::kRetryAfter);
  ASSERT_EQ(records.puts.size(), 5U);
  EXPECT_TRUE(decode_pace_state(records.puts[4].value)->halted);
  keeper.stop();
  world.stop();
}

}  // namespace
}  // namespace tocsin::delivery::testing
