#include "gateway/message/time_text.h"

#include <gtest/gtest.h>

#include <random>

namespace tocsin::message {
namespace {

WallTime at(std::int64_t seconds, std::int64_t ns = 0) {
  return WallTime(Duration(seconds * 1'000'000'000 + ns));
}

std::string text_of(WallTime time) {
  TimeBuffer buffer;
  return std::string(format_time(time, buffer));
}

TEST(TimeText, ReadsDateTimeAndZone) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), at(0));
  EXPECT_EQ(parse_time("2026-01-01T00:00:00z"), at(1'767'225'600));
  EXPECT_EQ(parse_time("2026-01-01t01:30:00+01:30"), at(1'767'225'600));
  EXPECT_EQ(parse_time("2025-12-31T18:00:00-06:00"), at(1'767'225'600));
  EXPECT_EQ(parse_time("2024-02-29T00:00:00-00:00"), at(1'709'164'800));
  EXPECT_EQ(parse_time("1969-12-31T23:59:59.5Z"), at(-1, 500'000'000));
}

TEST(TimeText, CutsWhatIsFinerThanANanosecond) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.123456789999999Z"), at(0, 123'456'789));
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.1Z"), at(0, 100'000'000));
}

TEST(TimeText, TakesALeapSecondForTheNextMinute) {
  EXPECT_EQ(parse_time("2016-12-31T23:59:60Z"), *parse_time("2017-01-01T00:00:00Z"));
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01 00:00:00Z", "2026-1-1T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00ZZ",
        "+2026-01-01T00:00:00Z", "2026-01-01T-1:00:00Z"}) {
    ASSERT_FALSE(parse_time(text)) << text;
    EXPECT_EQ(parse_time(text).error().code, Code::kInvalid);
  }
}

TEST(TimeText, SaysThatTheZoneIsMissing) {
  EXPECT_NE(parse_time("2026-01-01T00:00:00").error().what.find("zone is missing"),
            std::string::npos);
  EXPECT_NE(parse_time("2026-01-01T00:00:00.25").error().what.find("zone is missing"),
            std::string::npos);
}

TEST(TimeText, RefusesYearsThatNanosecondsCannotCount) {
  for (const char* text : {"0000-01-01T00:00:00Z", "1500-01-01T00:00:00Z", "2263-01-01T00:00:00Z",
                           "9999-12-31T23:59:59Z"}) {
    ASSERT_FALSE(parse_time(text)) << text;
    EXPECT_NE(parse_time(text).error().what.find("years"), std::string::npos);
  }
}

TEST(TimeText, WritesOnlyTheDigitsItTakes) {
  EXPECT_EQ(text_of(at(1'767'225'600)), "2026-01-01T00:00:00Z");
  EXPECT_EQ(text_of(at(0, 120'000'000)), "1970-01-01T00:00:00.120Z");
  EXPECT_EQ(text_of(at(0, 1'000)), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(text_of(at(86'399, 1)), "1970-01-01T23:59:59.000000001Z");
  EXPECT_EQ(text_of(at(-1, 999'000'000)), "1969-12-31T23:59:59.999Z");
}

TEST(TimeText, ReadsBackWhatItWrites) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    std::int64_t ns = static_cast<std::int64_t>(random()) >> (i % 8);
    if (i % 3 == 0) ns -= ns % 1'000'000;
    const WallTime time{Duration(ns)};
    EXPECT_EQ(parse_time(text_of(time)), time) << text_of(time);
  }
  EXPECT_EQ(parse_time(text_of(WallTime::max())), WallTime::max());
  EXPECT_EQ(parse_time(text_of(WallTime::min())), WallTime::min());
}

}  // namespace
}  // namespace tocsin::message
