#include "gateway/delivery/overload_guard.h"

#include <gtest/gtest.h>

namespace tocsin::delivery::testing {
namespace {

using message::DeliveryClass;
using std::chrono::milliseconds;

class OverloadGuardTest : public ::testing::Test {
 protected:
  static constexpr DeliveryClass kNormal = DeliveryClass::kNormal;
  static constexpr DeliveryClass kCritical = DeliveryClass::kCritical;

  void enter(int count) {
    for (int i = 0; i < count; ++i) guard.enter();
  }
  void see_backlog(std::uint64_t rows) { guard.observe({.backlog = rows}); }
  bool shown(std::string_view line) { return metrics.expose().find(line) != std::string::npos; }

  telemetry::Metrics metrics{1};
  OverloadGuard guard{metrics};
};

TEST_F(OverloadGuardTest, LetsAThousandIngestsInByDefaultAndAQuarterMoreIfCritical) {
  enter(1000);
  EXPECT_FALSE(guard.refusal(kNormal));
  guard.enter();
  EXPECT_EQ(guard.refusal(kNormal), Overload::kIngests);
  EXPECT_FALSE(guard.refusal(kCritical));
  enter(249);
  EXPECT_FALSE(guard.refusal(kCritical));
  guard.enter();
  EXPECT_EQ(guard.refusal(kCritical), Overload::kIngests);
}

TEST_F(OverloadGuardTest, AnIngestThatEndsMakesRoomAtOnce) {
  enter(1001);
  EXPECT_TRUE(guard.refusal(kNormal));
  guard.leave();
  EXPECT_FALSE(guard.refusal(kNormal));
}

TEST_F(OverloadGuardTest, RefusesFromTheLimitOnUntilFourFifthsOfIt) {
  guard.set_limits({.backlog_max = 100});
  see_backlog(99);
  EXPECT_FALSE(guard.refusal(kNormal));
  see_backlog(100);
  EXPECT_EQ(guard.refusal(kNormal), Overload::kBacklog);
  EXPECT_TRUE(guard.refuses(Overload::kBacklog));
  see_backlog(80);
  EXPECT_TRUE(guard.refusal(kNormal));
  see_backlog(79);
  EXPECT_FALSE(guard.refusal(kNormal));
  see_backlog(99);
  EXPECT_FALSE(guard.refusal(kNormal));
}

TEST_F(OverloadGuardTest, RefusesCriticalOnesLaterAndTakesThemEarlier) {
  guard.set_limits({.backlog_max = 100});
  see_backlog(124);
  EXPECT_TRUE(guard.refusal(kNormal));
  EXPECT_FALSE(guard.refusal(kCritical));
  see_backlog(125);
  EXPECT_TRUE(guard.refusal(kCritical));
  see_backlog(100);
  EXPECT_TRUE(guard.refusal(kCritical));
  see_backlog(99);
  EXPECT_FALSE(guard.refusal(kCritical));
  EXPECT_TRUE(guard.refusal(kNormal));
}

TEST_F(OverloadGuardTest, EachMeasureHasItsOwnLimit) {
  guard.set_limits({.loop_lag_max = milliseconds(10), .memory_max = 1000});
  guard.observe({.loop_lag = milliseconds(10)});
  EXPECT_EQ(guard.refusal(kNormal), Overload::kLoopLag);
  guard.observe({.memory_bytes = 1000});
  EXPECT_EQ(guard.refusal(kNormal), Overload::kMemory);
  guard.observe({.backlog = UINT64_MAX});
  EXPECT_FALSE(guard.refusal(kNormal));
}

TEST_F(OverloadGuardTest, ALimitThatIsTakenAwayRefusesNobody) {
  guard.set_limits({.memory_max = 1000});
  guard.observe({.memory_bytes = 2000});
  EXPECT_TRUE(guard.refusal(kNormal));
  guard.set_limits({.ingests_max = 0, .loop_lag_max = Duration::zero()});
  guard.observe({.loop_lag = std::chrono::hours(1), .memory_bytes = 2000});
  enter(100'000);
  EXPECT_FALSE(guard.refusal(kNormal));
}

TEST_F(OverloadGuardTest, ShowsWhyAndHowManyItRefused) {
  guard.set_limits({.memory_max = 1000});
  guard.observe({.memory_bytes = 1500});
  EXPECT_TRUE(guard.refusal(kNormal));
  EXPECT_TRUE(guard.refusal(kNormal));
  EXPECT_TRUE(guard.refusal(kCritical));
  EXPECT_TRUE(shown(R"(tocsin_overload{reason="memory"} 1)"));
  EXPECT_TRUE(shown(R"(tocsin_overload_refused_total{class="normal",reason="memory"} 2)") ||
              shown(R"(tocsin_overload_refused_total{reason="memory",class="normal"} 2)"));
  EXPECT_TRUE(shown(R"(tocsin_overload{reason="backlog"} 0)"));
}

}  // namespace
}  // namespace tocsin::delivery::testing
