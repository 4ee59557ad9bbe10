#include "gateway/delivery/lane_door.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using Queue = message::DeliveryClass;
using std::chrono::seconds;

class LaneDoorTest : public ::testing::Test, public ClaimWatch, public LaneEnd {
 protected:
  void on_claimable(LaneDoor& /*door*/, Queue queue) override { asked.push_back(queue); }
  void take(HandOff&& /*delivery*/) override {}
  void take(stage::ClaimedDelivery&& /*row*/, Queue /*queue*/, std::uint32_t /*g*/) override {}
  void on_cancelled(message::NotificationId /*id*/) override {}
  void on_store_status(const StoreStatus& /*status*/) override {}
  void tell_held(std::span<const message::DeliveryId> /*asked*/,
                 std::vector<message::DeliveryId>& /*held*/) const override {}

  /// Lets both queues find an empty store.
  void make_direct() {
    for (const Queue queue : {Queue::kCritical, Queue::kNormal}) {
      const std::uint32_t rows = door.begin_claim(queue);
      door.end_claim(queue, rows, 0, std::nullopt, now);
    }
    asked.clear();
  }
  int admit_all(Queue queue) {
    int admitted = 0;
    while (door.admit(queue)) ++admitted;
    return admitted;
  }

  FakeStorage storage;
  World world{storage};
  event::TimerWheel wheel{MonoTime{}};
  LaneDoor door{"chat", *world.port, *this, 16};
  std::vector<Queue> asked;
  WallTime now = world.clock.wall();
};

TEST_F(LaneDoorTest, AdmitsNothingBeforeItIsOpenAndAfterItClosed) {
  EXPECT_FALSE(door.admit(Queue::kNormal));
  door.open(wheel, *this);
  EXPECT_EQ(asked, (std::vector<Queue>{Queue::kCritical, Queue::kNormal}));
  EXPECT_FALSE(door.admit(Queue::kNormal));  // nobody knows yet what the store holds
  make_direct();
  EXPECT_TRUE(door.admit(Queue::kNormal));
  door.close();
  EXPECT_FALSE(door.admit(Queue::kNormal));
}

TEST_F(LaneDoorTest, KeepsAQuarterForCriticalAndAnEighthForTheRest) {
  door.open(wheel, *this);
  make_direct();
  EXPECT_EQ(admit_all(Queue::kNormal), 12);
  EXPECT_EQ(admit_all(Queue::kCritical), 4);
  EXPECT_EQ(door.credits(), 0U);
}

TEST_F(LaneDoorTest, LeavesTheRestItsEighth) {
  door.open(wheel, *this);
  make_direct();
  EXPECT_EQ(admit_all(Queue::kCritical), 14);
  EXPECT_EQ(admit_all(Queue::kNormal), 2);
}

TEST_F(LaneDoorTest, AsksToClaimOnceAQuarterIsFree) {
  door.open(wheel, *this);
  make_direct();
  admit_all(Queue::kNormal);
  for (int i = 0; i < 2; ++i) door.give_back(Queue::kNormal, 1);
  EXPECT_TRUE(asked.empty());
  door.give_back(Queue::kNormal, 1);
  EXPECT_EQ(asked, std::vector<Queue>{Queue::kNormal});
  door.give_back(Queue::kNormal, 1);
  EXPECT_EQ(asked.size(), 1U);  // once until it is answered
  EXPECT_EQ(door.begin_claim(Queue::kNormal), 4U);
}

TEST_F(LaneDoorTest, StaysSpilledWhileAClaimLeavesDueRows) {
  door.open(wheel, *this);
  make_direct();
  admit_all(Queue::kNormal);
  door.give_back(Queue::kNormal, 12);
  const std::uint32_t rows = door.begin_claim(Queue::kNormal);
  door.end_claim(Queue::kNormal, rows, rows, now, now);
  door.give_back(Queue::kNormal, rows);
  EXPECT_FALSE(door.admit(Queue::kNormal));
  const std::uint32_t again = door.begin_claim(Queue::kNormal);
  door.end_claim(Queue::kNormal, again, 1, now + seconds(5), now);
  EXPECT_TRUE(door.admit(Queue::kNormal));
}

TEST_F(LaneDoorTest, AsksAgainWhenARowsTimeHasComeThoughItIsDirect) {
  door.open(wheel, *this);
  make_direct();
  door.on_ready(Queue::kNormal, now + seconds(9), now);
  door.on_ready(Queue::kNormal, now + seconds(5), now);
  EXPECT_TRUE(door.admit(Queue::kNormal));
  wheel.advance(MonoTime(seconds(5) - std::chrono::milliseconds(1)));
  EXPECT_TRUE(asked.empty());
  wheel.advance(MonoTime(seconds(5)));
  EXPECT_EQ(asked, std::vector<Queue>{Queue::kNormal});
  EXPECT_GT(door.begin_claim(Queue::kNormal), 0U);
}

TEST_F(LaneDoorTest, AsksAgainAfterAClaimThatFailed) {
  door.open(wheel, *this);
  const std::uint32_t rows = door.begin_claim(Queue::kNormal);
  asked.clear();
  door.fail_claim(Queue::kNormal, rows);
  EXPECT_EQ(asked, std::vector<Queue>{Queue::kNormal});
  EXPECT_EQ(door.credits(), 16U);
}

TEST_F(LaneDoorTest, TakesNothingMoreUntilItHoldsLessThanItsSmallerSize) {
  door.open(wheel, *this);
  make_direct();
  admit_all(Queue::kNormal);
  admit_all(Queue::kCritical);
  door.resize(8);
  EXPECT_EQ(door.credits(), 0U);
  EXPECT_FALSE(door.admit(Queue::kCritical));
  door.give_back(Queue::kNormal, 12);
  EXPECT_EQ(door.credits(), 4U);
}

TEST_F(LaneDoorTest, ClaimsMoreOnceItIsLarger) {
  door.open(wheel, *this);
  make_direct();
  admit_all(Queue::kNormal);
  EXPECT_FALSE(door.admit(Queue::kNormal));  // spilled from here on
  asked.clear();
  door.resize(64);
  EXPECT_EQ(asked, std::vector<Queue>{Queue::kNormal});
  EXPECT_EQ(door.begin_claim(Queue::kNormal), 36U);
}

}  // namespace
}  // namespace tocsin::delivery::testing
