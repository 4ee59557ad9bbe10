#include "gateway/app/call_under_way.h"

#include <gtest/gtest.h>

#include "gateway/base/clock.h"

namespace tocsin::app {
namespace {

TEST(CallUnderWay, ShowsTheCallAndSinceWhenItRuns) {
  ManualClock clock;
  CallUnderWay calls(clock);
  EXPECT_FALSE(calls.look());
  {
    const CallUnderWay::Scope call(&calls, "output.sms", "create of the plugin sms");
    const MonoTime began = clock.mono();
    clock.advance(std::chrono::seconds(3));
    const auto seen = calls.look();
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->instance, "output.sms");
    EXPECT_EQ(seen->what, "create of the plugin sms");
    EXPECT_EQ(seen->since, began);
  }
  EXPECT_FALSE(calls.look());
}

TEST(CallUnderWay, NobodyNeedsToLook) {
  const CallUnderWay::Scope call(nullptr, "output.sms", "create of the plugin sms");
}

}  // namespace
}  // namespace tocsin::app
