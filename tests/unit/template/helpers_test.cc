#include "gateway/template/helpers.h"

#include <gtest/gtest.h>

#include "tests/unit/template/rendered.h"

namespace tocsin::templates {
namespace {

std::string rendered(std::string_view text, std::string_view data, const Rules& rules = {}) {
  return rendered_with(text, data, rules);
}

TEST(NumberHelper, GroupsAndRoundsWithoutLosingDigits) {
  const auto number = [](std::string_view value, std::string_view arguments) {
    return rendered("{{data.v | number " + std::string(arguments) + "}}",
                    R"({"v": )" + std::string(value) + "}");
  };
  EXPECT_EQ(number("1234567.5", "2"), "1,234,567.50");
  EXPECT_EQ(number("1234567.5", "2 . ,"), "1.234.567,50");
  EXPECT_EQ(number("1234567", "0 \" \""), "1 234 567");
  EXPECT_EQ(number("9223372036854775807", ""), "9,223,372,036,854,775,807");
  EXPECT_EQ(number("999", ""), "999");
  EXPECT_EQ(number("-1000", "1"), "-1,000.0");
  EXPECT_EQ(number("0.125", "2"), "0.12") << "ties go to the even digit, as IEEE 754 has it";
  EXPECT_EQ(number("-0.001", "2"), "0.00") << "no negative nothing";
  EXPECT_EQ(number("\"2500.25\"", "1"), "2,500.2");
  EXPECT_EQ(number("\"12 apples\"", "2"), "12 apples");
  EXPECT_EQ(number("1e300", "2"), "1e+300") << "what has no end of digits stays as it is";
  EXPECT_EQ(number("null", "2"), "");
}

TEST(TimeHelper, KnowsZonesAndTheirSummers) {
  const std::string_view data = R"({"w": "2026-01-15T12:00:00Z", "s": "2026-07-15T12:00:00.5+02:00",
                                    "u": 1767225600, "no": "soon"})";
  EXPECT_EQ(rendered("{{data.w | time \"%d.%m.%Y %H:%M %Z\" Europe/Berlin}}", data),
            "15.01.2026 13:00 CET");
  EXPECT_EQ(rendered("{{data.s | time \"%H:%M %z\" Europe/Berlin}}", data), "12:00 +0200");
  EXPECT_EQ(rendered("{{data.s | time %H:%M Asia/Kolkata}}", data), "15:30");
  EXPECT_EQ(rendered("{{data.s | time %H:%M}}", data), "10:00") << "UTC unless told otherwise";
  EXPECT_EQ(rendered("{{data.s | time %H:%M}}", data, {.zone = "America/New_York"}), "06:00");
  EXPECT_EQ(rendered("{{data.u | time %Y-%m-%d}}", data), "2026-01-01");
  EXPECT_EQ(rendered("{{data.no | time %H}}", data), "soon");
}

TEST(TimeHelper, FindsOnlyZones) {
  EXPECT_TRUE(is_time_zone("Europe/Berlin"));
  EXPECT_TRUE(is_time_zone("UTC"));
  for (const char* none : {"", "Europe", "Europe/Atlantis", "../zoneinfo/UTC", "/etc/localtime"}) {
    EXPECT_FALSE(is_time_zone(none)) << none;
  }
}

TEST(DefaultHelper, StandsInForNothingAndForAnEmptyText) {
  EXPECT_EQ(rendered("{{data.a | default \"no value\"}}", "{}"), "no value");
  EXPECT_EQ(rendered("{{data.a | default x}}", R"({"a": ""})"), "x");
  EXPECT_EQ(rendered("{{data.a | default x}}", R"({"a": "y"})"), "y");
}

TEST(MapHelper, PutsAnotherWordForEachAndOneForTheRest) {
  const std::string_view data = R"({"a": "warning", "b": "notice"})";
  EXPECT_EQ(rendered("{{data.a | map warning=2 error=3}}{{data.b | map warning=2 error=3}}", data),
            "2notice");
  EXPECT_EQ(rendered("{{data.b | map warning=2 1}}{{data.c | map warning=2 1}}", data), "1");
  EXPECT_EQ(rendered("{{data.a | map \"warning=look here\"}}", data), "look here");
}

TEST(Helpers, ApplyFromLeftToRightAndBeforeTheEscaping) {
  EXPECT_EQ(rendered("{{data.a | default \"<a> & b\" | cut 4 | url}}", "{}"), "%3Ca%3E%E2%80%A6");
  EXPECT_EQ(rendered("{{data.a | cut 3}}", R"({"a": "<<<<"})", {.escape = Escape::kHtml}),
            "&lt;&lt;\xE2\x80\xA6");
}

}  // namespace
}  // namespace tocsin::templates
