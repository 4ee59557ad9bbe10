#include "gateway/delivery/id_clock.h"

#include <gtest/gtest.h>

namespace tocsin::delivery {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(IdClock, ReadsTheClockTheNodeAndCountsWithinAMillisecond) {
  ManualClock clock;
  IdClock ids(5, {});
  const auto first = ids.next(clock.wall());
  EXPECT_EQ(IdClock::time_of(first), clock.wall());
  EXPECT_EQ(first.value >> IdClock::kNodeShift & IdClock::kNodeMax, 5U);
  EXPECT_EQ(first.value & IdClock::kSequenceMax, 0U);
  EXPECT_EQ(ids.next(clock.wall()).value, first.value + 1);
}

TEST(IdClock, AscendsWhenTheClockStepsBack) {
  ManualClock clock;
  IdClock ids(1, {});
  auto last = ids.next(clock.wall());
  for (int i = 0; i < 20'000; ++i) {
    if (i % 1000 == 0) clock.step_wall(i % 2000 == 0 ? -hours(1) : milliseconds(1));
    const auto next = ids.next(clock.wall());
    ASSERT_GT(next, last);
    last = next;
  }
}

TEST(IdClock, GoesIntoTheNextMillisecondWhenOneIsFull) {
  ManualClock clock;
  IdClock ids(1023, {});
  for (std::uint64_t i = 0; i <= IdClock::kSequenceMax; ++i) {
    ASSERT_EQ(IdClock::time_of(ids.next(clock.wall())), clock.wall());
  }
  EXPECT_EQ(IdClock::time_of(ids.next(clock.wall())), clock.wall() + milliseconds(1));
}

TEST(IdClock, StartsAboveTheMarkWhoeverGaveIt) {
  ManualClock clock;
  IdClock other(1023, {});
  const auto mark = other.mark(clock.wall(), seconds(10));
  IdClock ids(0, mark);
  EXPECT_GT(ids.next(clock.wall()), mark);
}

TEST(IdClock, StaysBelowItsMarkForTheTimeItPromises) {
  ManualClock clock;
  IdClock ids(3, {});
  const auto mark = ids.mark(clock.wall(), seconds(10));
  EXPECT_LE(ids.next(clock.wall() + seconds(10) - milliseconds(1)), mark);
  EXPECT_GT(ids.next(clock.wall() + seconds(10)), mark);
}

TEST(IdClock, StartsInARowDoNotDriveIdsAwayFromTheTimeOfDay) {
  const ManualClock clock;
  message::NotificationId mark;
  for (int start = 0; start < 100; ++start) {
    IdClock ids(0, mark);
    EXPECT_GT(ids.next(clock.wall()), mark);
    mark = ids.mark(clock.wall(), seconds(10));
  }
  EXPECT_LE(IdClock::time_of(mark), clock.wall() + seconds(10) + milliseconds(100));
}

TEST(StoreClock, RunsOnWhenTheWallClockIsSetBackAndJumpsWithItForward) {
  ManualClock clock;
  StoreClock store(clock);
  const WallTime start = store.now();
  clock.step_wall(-hours(1));
  clock.advance(seconds(3));
  EXPECT_EQ(store.now(), start + seconds(3));
  EXPECT_EQ(store.from_wall(clock.wall() + seconds(5)), start + seconds(8));
  clock.step_wall(hours(2));
  EXPECT_EQ(store.now(), clock.wall());
}

/// Time goes on between any two looks.
class RestlessClock final : public Clock {
 public:
  MonoTime mono() const override { return MonoTime(std::chrono::microseconds(++looks_)); }
  WallTime wall() const override { return WallTime(std::chrono::microseconds(++looks_)); }

 private:
  mutable std::int64_t looks_ = 1'000'000;
};

TEST(StoreClock, NeverPutsAnInstantBeforeTheOneThatWasAskedFor) {
  const RestlessClock restless;
  StoreClock clock(restless);
  const WallTime asked(std::chrono::hours(24));
  for (int i = 0; i < 100; ++i) {
    EXPECT_GE(clock.from_wall(asked), asked);
    EXPECT_LT(clock.from_wall(asked), asked + std::chrono::milliseconds(1));
  }
}

}  // namespace
}  // namespace tocsin::delivery
