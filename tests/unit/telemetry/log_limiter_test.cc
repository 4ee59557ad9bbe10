#include "gateway/telemetry/log_limiter.h"

#include <gtest/gtest.h>

#include <random>

namespace tocsin::telemetry {
namespace {

using std::chrono::seconds;

class LogLimiterTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  LogLimiter limiter_{2, seconds(10)};
};

TEST_F(LogLimiterTest, AdmitsSoManyInAnInterval) {
  EXPECT_EQ(limiter_.admit(clock_.mono()), 0U);
  EXPECT_EQ(limiter_.admit(clock_.mono()), 0U);
  EXPECT_EQ(limiter_.admit(clock_.mono()), std::nullopt);
}

TEST_F(LogLimiterTest, TellsTheNextLineHowManyWereSuppressed) {
  for (int i = 0; i < 7; ++i) limiter_.admit(clock_.mono());
  clock_.advance(seconds(10));
  EXPECT_EQ(limiter_.admit(clock_.mono()), 5U);
  EXPECT_EQ(limiter_.admit(clock_.mono()), 0U);
}

TEST_F(LogLimiterTest, StaysClosedUntilTheIntervalIsOver) {
  for (int i = 0; i < 3; ++i) limiter_.admit(clock_.mono());
  clock_.advance(seconds(10) - Duration(1));
  EXPECT_EQ(limiter_.admit(clock_.mono()), std::nullopt);
  clock_.advance(Duration(1));
  EXPECT_EQ(limiter_.admit(clock_.mono()), 2U);
}

TEST_F(LogLimiterTest, AccountsForEveryLine) {
  std::mt19937 random(1);
  std::uint64_t asked = 0;
  std::uint64_t admitted = 0;
  std::uint64_t told = 0;
  for (int i = 0; i < 10'000; ++i) {
    clock_.advance(std::chrono::milliseconds(random() % 3000));
    ++asked;
    if (const auto suppressed = limiter_.admit(clock_.mono())) {
      ++admitted;
      told += *suppressed;
    }
  }
  clock_.advance(seconds(10));
  told += limiter_.admit(clock_.mono()).value();
  EXPECT_EQ(admitted + told, asked);
  EXPECT_GT(told, 0U);
}

}  // namespace
}  // namespace tocsin::telemetry
