#include "gateway/event/timer_wheel.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <vector>

#ifndef TOCSIN_SANITIZED  // the sanitizers bring their own
namespace {
// Every allocation of this binary's C++ code passes here, so a test can claim that there was none.
thread_local std::size_t allocations = 0;
}  // namespace

// Inlined, the compiler would take the pair for mismatched.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  void* made = std::malloc(bytes == 0 ? 1 : bytes);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}
[[gnu::noinline]] void operator delete(void* bytes) noexcept { std::free(bytes); }
[[gnu::noinline]] void operator delete(void* bytes, std::size_t) noexcept { std::free(bytes); }
#endif

namespace tocsin::event {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr Duration kYear = days(365);
const MonoTime kStart{Duration(hours(1)) + Duration(123'456'789)};

TEST(TimerWheel, FiresOnceAtItsDeadlineAndNeverBefore) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer(wheel, [&] { ++fired; });
  timer.arm_at(kStart + milliseconds(10));
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(timer.deadline(), kStart + milliseconds(10));
  EXPECT_EQ(wheel.advance(kStart + milliseconds(10) - nanoseconds(1)), 0U);
  EXPECT_EQ(wheel.advance(kStart + milliseconds(10)), 1U);
  EXPECT_EQ(wheel.advance(kStart + seconds(10)), 0U);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(wheel.armed(), 0U);
}

TEST(TimerWheel, RoundsADeadlineInsideATickUp) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer(wheel, [&] { ++fired; });
  timer.arm_at(kStart + microseconds(1'001));
  EXPECT_EQ(wheel.next_due(), kStart + milliseconds(2));
  wheel.advance(kStart + milliseconds(2) - nanoseconds(1));
  EXPECT_EQ(fired, 0);
  wheel.advance(kStart + milliseconds(2));
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, FiresAPastDeadlineOnTheNextTick) {
  TimerWheel wheel(kStart);
  wheel.advance(kStart + seconds(5));
  int fired = 0;
  Timer timer(wheel, [&] { ++fired; });
  for (const MonoTime past : {MonoTime(), kStart - seconds(1), kStart, kStart + seconds(5)}) {
    timer.arm_at(past);
    EXPECT_EQ(wheel.next_due(), wheel.now() + milliseconds(1));
    wheel.advance(wheel.now() + milliseconds(1));
    EXPECT_FALSE(timer.armed());
  }
  timer.arm_after(-seconds(3));
  wheel.advance(wheel.now() + milliseconds(1));
  EXPECT_EQ(fired, 5);
}

TEST(TimerWheel, CountsArmAfterFromTheInstantItWasTold) {
  TimerWheel wheel(kStart);
  wheel.set_now(kStart + seconds(7));
  wheel.set_now(kStart + seconds(6));  // time does not run backwards
  EXPECT_EQ(wheel.now(), kStart + seconds(7));
  Timer timer(wheel, [] {});
  timer.arm_after(seconds(1));
  EXPECT_EQ(timer.deadline(), kStart + seconds(8));
}

TEST(TimerWheel, TakesForeverForAnAnswer) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer at(wheel, [&] { ++fired; });
  Timer after(wheel, [&] { ++fired; });
  at.arm_at(MonoTime::max());
  after.arm_after(Duration::max());
  EXPECT_EQ(after.deadline(), MonoTime::max());
  wheel.advance(kStart + 100 * kYear);
  EXPECT_EQ(fired, 0);
  EXPECT_TRUE(at.armed());
  EXPECT_TRUE(after.armed());
}

TEST(TimerWheel, SaysNothingIsDueWhenNothingIsArmed) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.next_due(), std::nullopt);
  Timer timer(wheel, [] {});
  timer.arm_after(days(40));
  EXPECT_TRUE(wheel.next_due().has_value());
  timer.cancel();
  EXPECT_EQ(wheel.next_due(), std::nullopt);
  timer.cancel();
  EXPECT_EQ(wheel.armed(), 0U);
}

TEST(TimerWheel, MovesAnArmedTimerBothWays) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer(wheel, [&] { ++fired; });
  timer.arm_after(seconds(1));
  timer.arm_after(hours(1));
  wheel.advance(kStart + seconds(2));
  EXPECT_EQ(fired, 0);
  timer.arm_after(seconds(1));
  EXPECT_EQ(wheel.armed(), 1U);
  wheel.advance(kStart + seconds(3));
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, ADistantTimerInTheCurrentTopSlotDoesNotHideANearerOne) {
  // Two years ahead means once around the top level, into the very slot the wheel stands in.
  TimerWheel wheel(kStart);
  int far_fired = 0;
  int near_fired = 0;
  Timer far(wheel, [&] { ++far_fired; });
  Timer near(wheel, [&] { ++near_fired; });
  far.arm_after(milliseconds(std::int64_t{1} << 36) + seconds(1));
  near.arm_after(days(30));
  ASSERT_LE(*wheel.next_due(), kStart + days(30));
  wheel.advance(kStart + days(30));
  EXPECT_EQ(near_fired, 1);
  EXPECT_EQ(far_fired, 0);
  wheel.advance(far.deadline());
  EXPECT_EQ(far_fired, 1);
}

TEST(TimerWheel, ReachesAFarDeadlineInAFewStepsOfNextDue) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer(wheel, [&] { ++fired; });
  timer.arm_after(20 * kYear + microseconds(3));
  int steps = 0;
  while (fired == 0 && ++steps < 100) {
    const MonoTime due = *wheel.next_due();
    ASSERT_GT(due, wheel.now());
    ASSERT_LT(due, timer.deadline() + milliseconds(1));
    wheel.advance(due);
  }
  EXPECT_EQ(fired, 1);
  EXPECT_LT(steps, 20);
  EXPECT_GE(wheel.now(), kStart + 20 * kYear + microseconds(3));
}

TEST(TimerWheel, OneCallFiresAllThatIsDueInOrderOfTicks) {
  TimerWheel wheel(kStart);
  std::vector<int> order;
  std::vector<std::unique_ptr<Timer>> timers;
  const Duration waits[] = {days(9),         milliseconds(64), seconds(70),
                            milliseconds(1), hours(5),         kYear};
  for (int i = 0; i < 6; ++i) {
    timers.push_back(std::make_unique<Timer>(wheel, [&order, i] { order.push_back(i); }));
    timers.back()->arm_after(waits[i]);
  }
  EXPECT_EQ(wheel.advance(kStart + 3 * kYear), 6U);
  EXPECT_EQ(order, (std::vector<int>{3, 1, 2, 4, 0, 5}));
}

TEST(TimerWheel, ATimerThatRearmsItselfWaitsForTheNextCall) {
  TimerWheel wheel(kStart);
  int fired = 0;
  std::optional<Timer> timer;
  timer.emplace(wheel, [&] {
    ++fired;
    timer->arm_at(kStart);  // long past
  });
  timer->arm_after(milliseconds(1));
  EXPECT_EQ(wheel.advance(kStart + seconds(1)), 1U);
  EXPECT_EQ(wheel.advance(kStart + seconds(1) + milliseconds(1)), 1U);
  EXPECT_EQ(fired, 2);
  EXPECT_TRUE(timer->armed());
}

TEST(TimerWheel, ACallbackMayDestroyItsOwnTimer) {
  TimerWheel wheel(kStart);
  std::unique_ptr<Timer> timer;
  int fired = 0;
  timer = std::make_unique<Timer>(wheel, [&timer, &fired] {
    ++fired;
    timer.reset();
  });
  timer->arm_after(milliseconds(1));
  wheel.advance(kStart + seconds(1));
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(timer, nullptr);
}

TEST(TimerWheel, ACallbackMayCancelOrDestroyTimersDueInTheSameCall) {
  TimerWheel wheel(kStart);
  int fired = 0;
  auto destroyed = std::make_unique<Timer>(wheel, [&] { ++fired; });
  Timer cancelled(wheel, [&] { ++fired; });
  Timer moved(wheel, [&] { ++fired; });
  Timer first(wheel, [&] {
    destroyed.reset();
    cancelled.cancel();
    moved.arm_after(seconds(9));
  });
  first.arm_after(milliseconds(1));
  destroyed->arm_after(milliseconds(1));
  cancelled.arm_after(milliseconds(2));
  moved.arm_after(days(3));
  EXPECT_EQ(wheel.advance(kStart + days(4)), 1U);
  EXPECT_EQ(fired, 0);
  EXPECT_FALSE(cancelled.armed());
  EXPECT_EQ(wheel.armed(), 1U);
  wheel.advance(kStart + days(4) + seconds(9));
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, TimersMayOutliveTheWheel) {
  auto wheel = std::make_unique<TimerWheel>(kStart);
  Timer near(*wheel, [] {});
  Timer far(*wheel, [] {});
  near.arm_after(milliseconds(5));
  far.arm_after(30 * kYear);
  wheel.reset();
  EXPECT_FALSE(near.armed());
  EXPECT_FALSE(far.armed());
}

#ifndef TOCSIN_SANITIZED
TEST(TimerWheel, ArmingCancellingAndFiringAllocateNothing) {
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 500; ++i) timers.push_back(std::make_unique<Timer>(wheel, [] {}));
  std::mt19937_64 random(7);
  const std::size_t before = allocations;
  for (int round = 0; round < 100; ++round) {
    for (auto& timer : timers) {
      timer->arm_after(milliseconds(random() % (1ULL << (random() % 38))));
      if (random() % 4 == 0) timer->cancel();
    }
    wheel.advance(wheel.now() + milliseconds(random() % (1ULL << (random() % 36))));
    (void)wheel.next_due();
  }
  EXPECT_EQ(allocations, before);
}
#endif

/// The wheel beside a list of deadlines that is searched from end to end: what the wheel must agree
/// with, whatever the callbacks do to it meanwhile.
class WheelAgainstModel {
 public:
  explicit WheelAgainstModel(std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kTimers; ++i) make(i);
  }

  void run() {
    for (int step = 0; step < kSteps && !::testing::Test::HasFailure(); ++step) {
      switch (random_() % 8) {
        case 0:
        case 1:
          advance_to(now_ + random_wait());
          break;
        case 2:
          advance_to(wheel_.next_due().value_or(now_));
          break;
        case 3:
          advance_to(now_ + microseconds(random_() % 3'000));
          break;
        default:
          disturb(random_() % kTimers);
          break;
      }
      check_next_due();
    }
    EXPECT_GT(fired_, std::size_t{kSteps} / 8);
  }

 private:
  static constexpr std::size_t kTimers = 60;
  static constexpr int kSteps = 3'000;

  struct Entry {
    std::unique_ptr<Timer> timer;
    bool armed = false;
    std::int64_t tick = 0;
    MonoTime deadline;
    int armed_in_call = 0;
  };

  // Every order of magnitude from nanoseconds to about twelve years is equally likely, now and then
  // exactly on a power of two of ticks.
  Duration random_wait() {
    const int bits = static_cast<int>(random_() % 59);
    if (bits > 20 && random_() % 4 == 0) {
      const Duration exact = milliseconds(std::int64_t{1} << (bits - 20));
      return exact + milliseconds(static_cast<std::int64_t>(random_() % 3) - 1);
    }
    return Duration(static_cast<std::int64_t>(random_() % (std::uint64_t{1} << bits)));
  }

  static std::int64_t ticks_down(MonoTime when) { return (when - kStart) / milliseconds(1); }
  static std::int64_t ticks_up(MonoTime when) {
    return when <= kStart ? 0
                          : ((when - kStart) + milliseconds(1) - nanoseconds(1)) / milliseconds(1);
  }

  void make(std::size_t i) {
    entries_[i].armed = false;
    entries_[i].timer = std::make_unique<Timer>(wheel_, [this, i] { on_fire(i); });
  }

  void arm(std::size_t i) {
    Entry& entry = entries_[i];
    entry.deadline =
        now_ + random_wait() - (random_() % 8 == 0 ? Duration(seconds(2)) : Duration());
    entry.tick = std::max(ticks_up(entry.deadline), processed_ + 1);
    entry.armed = true;
    entry.armed_in_call = call_;
    entry.timer->arm_at(entry.deadline);
  }

  void disturb(std::size_t i) {
    switch (random_() % 6) {
      case 0:
        entries_[i].timer->cancel();
        entries_[i].armed = false;
        break;
      case 1:
        if (firing_ == i) break;  // only its own callback's last act may destroy it
        make(i);
        break;
      default:
        arm(i);
    }
    ASSERT_EQ(entries_[i].timer->armed(), entries_[i].armed);
  }

  void on_fire(std::size_t i) {
    Entry& entry = entries_[i];
    ++fired_;
    ASSERT_TRUE(entry.armed) << "fired without being armed";
    ASSERT_LE(entry.deadline, now_) << "fired early";
    ASSERT_LE(entry.tick, ticks_down(now_));
    ASSERT_LT(entry.armed_in_call, call_) << "fired in the call that armed it";
    for (const Entry& other : entries_) {
      ASSERT_FALSE(other.armed && other.armed_in_call < call_ && other.tick < entry.tick)
          << "overtook an earlier tick";
    }
    entry.armed = false;
    ASSERT_FALSE(entry.timer->armed());
    firing_ = i;
    for (std::uint64_t n = random_() % 4; n > 0; --n) disturb(random_() % kTimers);
    firing_ = kTimers;
    if (random_() % 4 == 0) make(i);  // destroys the timer whose callback this is
  }

  void advance_to(MonoTime now) {
    now_ = std::max(now_, now);
    processed_ = std::max(processed_, ticks_down(now_));
    ++call_;
    const std::size_t before = fired_;
    const std::size_t reported = wheel_.advance(now_);
    ASSERT_EQ(reported, fired_ - before);
    for (const Entry& entry : entries_) {
      ASSERT_FALSE(entry.armed && entry.armed_in_call < call_ && entry.tick <= ticks_down(now_))
          << "missed a deadline";
    }
  }

  void check_next_due() {
    std::optional<std::int64_t> earliest;
    std::size_t armed = 0;
    for (const Entry& entry : entries_) {
      if (!entry.armed) continue;
      ++armed;
      if (!earliest || entry.tick < *earliest) earliest = entry.tick;
    }
    ASSERT_EQ(wheel_.armed(), armed);
    const std::optional<MonoTime> due = wheel_.next_due();
    ASSERT_EQ(due.has_value(), earliest.has_value());
    if (!due) return;
    ASSERT_LE(*due, kStart + milliseconds(*earliest)) << "would wake up too late";
    ASSERT_GT(*due, kStart + milliseconds(processed_)) << "would wake up for nothing, for ever";
  }

  std::mt19937_64 random_;
  TimerWheel wheel_{kStart};
  MonoTime now_ = kStart;
  std::int64_t processed_ = 0;
  int call_ = 0;
  std::size_t firing_ = kTimers;
  std::size_t fired_ = 0;
  std::array<Entry, kTimers> entries_;
};

TEST(TimerWheel, AgreesWithASortedListWhateverItsCallbacksDo) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    WheelAgainstModel(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace tocsin::event
