#include "gateway/policy/circuit_breaker.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

namespace tocsin::policy {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart = MonoTime(1h);
constexpr CallOutcome kGood = CallOutcome::kSuccess;
constexpr CallOutcome kBad = CallOutcome::kFailure;

BreakerOptions by_count(std::uint32_t calls, std::uint32_t min_calls) {
  BreakerOptions options;
  options.window_calls = calls;
  options.min_calls = min_calls;
  options.open_for = 10s;
  options.open_for_max = 60s;
  options.half_open_calls = 2;
  return options;
}

std::optional<CircuitBreaker::Transition> call(CircuitBreaker& breaker, MonoTime now,
                                               CallOutcome outcome, Duration duration = 1ms) {
  const auto admission = breaker.admit(now);
  EXPECT_TRUE(admission.permit);
  return breaker.record(*admission.permit, now, outcome, duration);
}

/// Opens a breaker made by by_count(4, 4).
void open(CircuitBreaker& breaker, MonoTime now) {
  for (int i = 0; i < 4; ++i) call(breaker, now, kBad);
  ASSERT_EQ(breaker.state(), BreakerState::kOpen);
}

TEST(CircuitBreaker, RefusesSettingsThatCannotWork) {
  EXPECT_TRUE(BreakerOptions{}.check());
  EXPECT_FALSE(by_count(10, 11).check()) << "would never open";
  EXPECT_FALSE(by_count(10, 0).check());
  EXPECT_FALSE(BreakerOptions{.window = 0s}.check());
  EXPECT_FALSE(BreakerOptions{.failure_rate = 0}.check());
  EXPECT_FALSE((BreakerOptions{.open_for = 10s, .open_for_max = 9s}.check()));
  EXPECT_FALSE(BreakerOptions{.half_open_calls = 0}.check());
}

TEST(CircuitBreaker, StaysClosedBeforeThereIsEvidence) {
  CircuitBreaker breaker(by_count(10, 5));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(call(breaker, kStart, kBad));
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
}

TEST(CircuitBreaker, OpensWhenTheFailureRateIsReached) {
  CircuitBreaker breaker(by_count(10, 4));
  call(breaker, kStart, kGood);
  call(breaker, kStart, kGood);
  call(breaker, kStart, kBad);
  const auto transition = call(breaker, kStart, kBad);
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->from, BreakerState::kClosed);
  EXPECT_EQ(transition->to, BreakerState::kOpen);
  EXPECT_EQ(transition->reason, "failure_rate");
  EXPECT_EQ(transition->counts, (CallCounts{4, 2, 0}));
  const auto admission = breaker.admit(kStart + 1s);
  EXPECT_FALSE(admission.permit);
  EXPECT_EQ(admission.until, kStart + 10s);
}

TEST(CircuitBreaker, OpensWhenTooManyCallsAreSlow) {
  BreakerOptions options = by_count(10, 4);
  options.slow_call = 2s;
  options.slow_rate = 0.75;
  CircuitBreaker breaker(options);
  call(breaker, kStart, kGood, 1999ms);
  call(breaker, kStart, kGood, 2s);
  call(breaker, kStart, kGood, 3s);
  const auto transition = call(breaker, kStart, kGood, 4s);
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->reason, "slow_rate");
}

TEST(CircuitBreaker, IgnoresDurationsUnlessAskedToJudgeThem) {
  CircuitBreaker breaker(by_count(4, 4));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(call(breaker, kStart, kGood, 24h));
}

TEST(CircuitBreaker, NeverOpensAtARateAboveOne) {
  BreakerOptions options = by_count(4, 4);
  options.failure_rate = 1.1;
  CircuitBreaker breaker(options);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(call(breaker, kStart, kBad));
}

TEST(CircuitBreaker, ForgetsOldCallsByTime) {
  BreakerOptions options;
  options.window = 10s;
  options.min_calls = 4;
  CircuitBreaker breaker(options);
  for (int i = 0; i < 3; ++i) call(breaker, kStart, kBad);
  EXPECT_FALSE(call(breaker, kStart + 10s, kBad)) << "the three are gone";
  EXPECT_EQ(breaker.counts(kStart + 10s).calls, 1u);
}

TEST(CircuitBreaker, ClosesAfterGoodProbes) {
  CircuitBreaker breaker(by_count(4, 4));
  open(breaker, kStart);
  auto first = breaker.admit(kStart + 10s);
  ASSERT_TRUE(first.permit);
  ASSERT_TRUE(first.transition);
  EXPECT_EQ(first.transition->to, BreakerState::kHalfOpen);
  auto second = breaker.admit(kStart + 10s);
  ASSERT_TRUE(second.permit);
  EXPECT_FALSE(second.transition);
  EXPECT_FALSE(breaker.admit(kStart + 10s).permit) << "two probes, not three";
  EXPECT_FALSE(breaker.record(*first.permit, kStart + 11s, kGood, 1s));
  const auto closed = breaker.record(*second.permit, kStart + 11s, kGood, 1s);
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->to, BreakerState::kClosed);
  EXPECT_EQ(breaker.counts(kStart + 11s).calls, 0u) << "a new start has no history";
}

TEST(CircuitBreaker, OpensLongerEachTimeTheProbesFail) {
  CircuitBreaker breaker(by_count(4, 4));
  MonoTime now = kStart;
  open(breaker, now);
  for (Duration wait : {10s, 20s, 40s, 60s, 60s}) {
    EXPECT_FALSE(breaker.admit(now + wait - 1ns).permit);
    now += wait;
    const auto transition = call(breaker, now, kBad);
    ASSERT_TRUE(transition) << "one of two probes is half of them";
    EXPECT_EQ(transition->reason, "probe_failed");
  }
  now += 60s;
  call(breaker, now, kGood);
  call(breaker, now, kGood);
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  EXPECT_EQ(breaker.open_for(), 10s) << "recovery starts the doubling over";
}

TEST(CircuitBreaker, JudgesProbesByTheSameRates) {
  BreakerOptions options = by_count(4, 4);
  options.half_open_calls = 4;
  options.slow_call = 1s;
  options.slow_rate = 0.5;
  CircuitBreaker breaker(options);
  open(breaker, kStart);
  EXPECT_FALSE(call(breaker, kStart + 10s, kBad));
  EXPECT_FALSE(call(breaker, kStart + 10s, kGood, 1s));
  EXPECT_FALSE(call(breaker, kStart + 10s, kGood));
  const auto transition = call(breaker, kStart + 10s, kGood);
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->to, BreakerState::kClosed);
}

TEST(CircuitBreaker, OpensAgainOnSlowProbes) {
  BreakerOptions options = by_count(4, 4);
  options.slow_call = 1s;
  options.slow_rate = 0.5;
  CircuitBreaker breaker(options);
  open(breaker, kStart);
  const auto transition = call(breaker, kStart + 10s, kGood, 2s);
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->reason, "probe_slow");
}

TEST(CircuitBreaker, GivesTheProbeOfAnAbandonedCallToTheNext) {
  CircuitBreaker breaker(by_count(4, 4));
  open(breaker, kStart);
  const auto first = breaker.admit(kStart + 10s);
  breaker.admit(kStart + 10s);
  ASSERT_FALSE(breaker.admit(kStart + 10s).permit);
  breaker.abandon(*first.permit);
  EXPECT_TRUE(breaker.admit(kStart + 10s).permit);
  EXPECT_FALSE(breaker.admit(kStart + 10s).permit);
}

TEST(CircuitBreaker, IgnoresResultsOfAnEarlierEra) {
  CircuitBreaker breaker(by_count(4, 4));
  std::vector<CircuitBreaker::Permit> early;
  for (int i = 0; i < 8; ++i) early.push_back(*breaker.admit(kStart).permit);
  open(breaker, kStart);
  const auto probe = breaker.admit(kStart + 10s);
  for (const auto permit : early) {
    EXPECT_FALSE(breaker.record(permit, kStart + 11s, kBad, 11s));
    breaker.abandon(permit);
  }
  EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen);
  EXPECT_FALSE(breaker.record(*probe.permit, kStart + 11s, kGood, 1s));
}

TEST(CircuitBreaker, StartsOverWhenItsProbesNeverReport) {
  CircuitBreaker breaker(by_count(4, 4));
  open(breaker, kStart);
  const auto lost = breaker.admit(kStart + 10s);
  breaker.admit(kStart + 10s);
  const auto refused = breaker.admit(kStart + 11s);
  ASSERT_FALSE(refused.permit);
  EXPECT_EQ(refused.until, kStart + 30s);
  ASSERT_TRUE(breaker.admit(refused.until).permit);
  EXPECT_FALSE(breaker.record(*lost.permit, kStart + 31s, kBad, 21s));
  EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen) << "the lost probe came too late to judge";
}

TEST(CircuitBreaker, ObeysTheOperator) {
  CircuitBreaker breaker(by_count(4, 4));
  const auto forced = breaker.force_open(kStart);
  ASSERT_TRUE(forced);
  EXPECT_EQ(forced->reason, "forced");
  EXPECT_FALSE(breaker.force_open(kStart));
  EXPECT_EQ(breaker.admit(kStart + 24h).until, MonoTime::max());
  ASSERT_TRUE(breaker.force_closed(kStart));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(call(breaker, kStart, kBad));
  const auto released = breaker.release(kStart);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->to, BreakerState::kClosed);
  EXPECT_FALSE(breaker.release(kStart));
  EXPECT_EQ(breaker.counts(kStart).calls, 0u);
}

TEST(CircuitBreaker, TellsWhenItAdmitsWithoutAdmitting) {
  CircuitBreaker breaker(by_count(4, 4));
  EXPECT_LE(breaker.admits_at(kStart), kStart);
  open(breaker, kStart);
  EXPECT_EQ(breaker.admits_at(kStart), kStart + 10s);
  const MonoTime later = kStart + 10s;
  for (int i = 0; i < 2; ++i) {
    EXPECT_LE(breaker.admits_at(later), later);
    EXPECT_TRUE(breaker.admit(later).permit);
  }
  EXPECT_EQ(breaker.admits_at(later), later + 20s) << "both probes are under way";
  breaker.force_open(later);
  EXPECT_EQ(breaker.admits_at(later), MonoTime::max());
  breaker.force_closed(later);
  EXPECT_LE(breaker.admits_at(later), later);
}

TEST(CircuitBreaker, KeepsItsStateWhenSettingsChange) {
  CircuitBreaker breaker(by_count(4, 4));
  open(breaker, kStart);
  BreakerOptions options = by_count(8, 4);
  options.open_for = 5s;
  options.open_for_max = 15s;
  breaker.set_options(options);
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
  EXPECT_EQ(breaker.admit(kStart).until, kStart + 10s);
  EXPECT_EQ(breaker.open_for(), 15s);
}

TEST(CircuitBreaker, NamesEveryState) {
  EXPECT_EQ(breaker_state_name(BreakerState::kHalfOpen), "half_open");
  EXPECT_EQ(breaker_state_name(BreakerState::kForcedClosed), "forced_closed");
}

/// The breaker as one would write it with all the memory in the world.
class NaiveBreaker {
 public:
  explicit NaiveBreaker(const BreakerOptions& options)
      : options_(options), next_open_(options.open_for) {}

  bool admit(MonoTime now) {
    if (state == BreakerState::kOpen && now >= until_) begin_probing(now);
    if (state == BreakerState::kHalfOpen && now >= until_) begin_probing(now);
    if (state == BreakerState::kHalfOpen) {
      if (started_ >= options_.half_open_calls) return false;
      ++started_;
      return true;
    }
    return state == BreakerState::kClosed;
  }
  void record(MonoTime now, bool failed) {
    if (state == BreakerState::kClosed) {
      const std::int64_t slice = now.time_since_epoch().count() / (options_.window.count() / 10);
      calls_.push_back({slice, failed});
      if (options_.window_calls > 0) {
        if (calls_.size() > options_.window_calls) calls_.pop_front();
      } else {
        while (calls_.front().slice <= slice - 10) calls_.pop_front();
      }
      std::size_t failures = 0;
      for (const Call& call : calls_) failures += call.failed ? 1 : 0;
      if (calls_.size() < options_.min_calls) return;
      if (static_cast<double>(failures) >=
          options_.failure_rate * static_cast<double>(calls_.size()))
        open(now);
    } else if (state == BreakerState::kHalfOpen) {
      ++reported_;
      if (failed) ++probe_failures_;
      if (probe_failures_ >= options_.failure_rate * options_.half_open_calls) {
        open(now);
      } else if (reported_ == options_.half_open_calls) {
        state = BreakerState::kClosed;
        next_open_ = options_.open_for;
        ++era;
      }
    }
  }
  void abandon() {
    if (state == BreakerState::kHalfOpen) --started_;
  }

  BreakerState state = BreakerState::kClosed;
  int era = 0;

 private:
  struct Call {
    std::int64_t slice;
    bool failed;
  };
  void open(MonoTime now) {
    state = BreakerState::kOpen;
    calls_.clear();
    until_ = now + next_open_;
    next_open_ = std::min(next_open_ * 2, options_.open_for_max);
    ++era;
  }
  void begin_probing(MonoTime now) {
    state = BreakerState::kHalfOpen;
    started_ = reported_ = probe_failures_ = 0;
    until_ = now + next_open_;
    ++era;
  }

  BreakerOptions options_;
  std::deque<Call> calls_;
  Duration next_open_;
  MonoTime until_;
  std::uint32_t started_ = 0;
  std::uint32_t reported_ = 0;
  std::uint32_t probe_failures_ = 0;
};

void compare_with_model(const BreakerOptions& options, std::uint64_t seed) {
  struct Running {
    CircuitBreaker::Permit permit;
    int era;
  };
  std::mt19937_64 random(seed);
  CircuitBreaker breaker(options);
  NaiveBreaker model(options);
  std::vector<Running> running;
  MonoTime now = kStart;
  int transitions = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += Duration(random() % 400'000'000);
    const bool target_is_sick = (i / 300) % 2 == 1;
    if (random() % 2 == 0) {
      const BreakerState before = breaker.state();
      const bool foretold = breaker.admits_at(now) <= now;
      const auto admission = breaker.admit(now);
      ASSERT_EQ(foretold, admission.permit.has_value()) << "step " << i;
      ASSERT_EQ(admission.permit.has_value(), model.admit(now)) << "step " << i;
      ASSERT_EQ(admission.transition.has_value(), before != breaker.state());
      if (admission.permit) running.push_back({*admission.permit, model.era});
    } else if (!running.empty()) {
      const std::size_t pick = random() % running.size();
      const Running ended = running[pick];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(pick));
      const bool current = ended.era == model.era;
      if (random() % 8 == 0) {
        breaker.abandon(ended.permit);
        if (current) model.abandon();
      } else {
        const bool failed = random() % 10 < (target_is_sick ? 8u : 1u);
        const auto transition =
            breaker.record(ended.permit, now, failed ? kBad : kGood, Duration(1ms));
        if (current) model.record(now, failed);
        if (transition) ++transitions;
      }
    }
    ASSERT_EQ(breaker.state(), model.state) << "step " << i;
  }
  EXPECT_GT(transitions, 50) << "the traffic must exercise every edge";
}

TEST(CircuitBreaker, AgreesWithAModelThatRemembersEverythingByCount) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) compare_with_model(by_count(20, 8), seed);
}

TEST(CircuitBreaker, AgreesWithAModelThatRemembersEverythingByTime) {
  BreakerOptions options = by_count(0, 8);
  options.window = 10s;
  options.half_open_calls = 5;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) compare_with_model(options, seed);
}

TEST(CircuitBreaker, GoesOnWhereAnotherWas) {
  CircuitBreaker before(by_count(4, 4));
  open(before, kStart);
  CircuitBreaker after(by_count(4, 4));
  const auto transition = after.restore(before.kept(kStart + 4s), kStart + 4s);
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->to, BreakerState::kOpen);
  EXPECT_EQ(after.admits_at(kStart + 4s), kStart + 10s);
  EXPECT_EQ(after.open_for(), 20s);
}

TEST(CircuitBreaker, ProbesAnewWhereAnotherProbed) {
  CircuitBreaker before(by_count(4, 4));
  open(before, kStart);
  EXPECT_TRUE(before.admit(kStart + 10s).permit);
  CircuitBreaker after(by_count(4, 4));
  after.restore(before.kept(kStart + 10s), kStart + 10s);
  call(after, kStart + 10s, kGood);
  call(after, kStart + 10s, kGood);
  EXPECT_EQ(after.state(), BreakerState::kClosed);
}

TEST(CircuitBreaker, IsNeverRestoredBeyondItsSettings) {
  CircuitBreaker breaker(by_count(4, 4));
  breaker.restore({BreakerState::kOpen, kStart + 24h, 24h}, kStart);
  EXPECT_EQ(breaker.admits_at(kStart), kStart + 60s);
  EXPECT_EQ(breaker.open_for(), 60s);
}

TEST(CircuitBreaker, IsRestoredToWhatAnOperatorSaid) {
  CircuitBreaker breaker(by_count(4, 4));
  EXPECT_TRUE(breaker.restore({BreakerState::kForcedClosed}, kStart));
  for (int i = 0; i < 8; ++i) call(breaker, kStart, kBad);
  EXPECT_EQ(breaker.state(), BreakerState::kForcedClosed);
  EXPECT_FALSE(breaker.restore({BreakerState::kForcedClosed}, kStart));
}

}  // namespace
}  // namespace tocsin::policy
