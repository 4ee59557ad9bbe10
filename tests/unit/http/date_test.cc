#include "gateway/http/date.h"

#include <gtest/gtest.h>

#include <string>

namespace tocsin::http {
namespace {

using namespace std::chrono_literals;

std::string text_of(std::chrono::seconds since_epoch) {
  char text[32];
  return {text, format_http_date(WallTime(since_epoch), text, sizeof(text))};
}

TEST(HttpDate, WritesImfFixdate) {
  EXPECT_EQ(text_of(784111777s), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(text_of(0s), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(text_of(951827696s), "Tue, 29 Feb 2000 12:34:56 GMT");
  EXPECT_EQ(text_of(-1s), "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(HttpDate, WritesNothingWithoutRoom) {
  char text[16];
  EXPECT_EQ(format_http_date(WallTime(0s), text, sizeof(text)), 0U);
}

TEST(DateCache, ChangesWithTheSecondOfTheWallClock) {
  ManualClock clock;
  clock.advance(400ms);  // half a second into it
  DateCache cache;
  EXPECT_EQ(cache.text(clock.mono(), clock), "Thu, 01 Jan 2026 00:00:00 GMT");
  clock.advance(599ms);
  EXPECT_EQ(cache.text(clock.mono(), clock), "Thu, 01 Jan 2026 00:00:00 GMT");
  clock.advance(1ms);
  EXPECT_EQ(cache.text(clock.mono(), clock), "Thu, 01 Jan 2026 00:00:01 GMT");
  clock.advance(1s);
  EXPECT_EQ(cache.text(clock.mono(), clock), "Thu, 01 Jan 2026 00:00:02 GMT");
}

TEST(DateCache, FollowsACorrectedWallClockWithinASecond) {
  ManualClock clock;
  DateCache cache;
  cache.text(clock.mono(), clock);
  clock.step_wall(-1h);
  clock.advance(1s);
  EXPECT_EQ(cache.text(clock.mono(), clock), "Wed, 31 Dec 2025 23:00:01 GMT");
}

}  // namespace
}  // namespace tocsin::http
