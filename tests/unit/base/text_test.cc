#include "gateway/base/text.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace tocsin {
namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(Trim, CutsBlanksAtBothEndsOnly) {
  EXPECT_EQ(trim(" \ta b\t "), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\na\n"), "\na\n");
}

TEST(EqualsIgnoringCase, IsForAsciiOnly) {
  EXPECT_TRUE(equals_ignoring_case("Host", "hOST"));
  EXPECT_FALSE(equals_ignoring_case("Host", "Hosts"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
  EXPECT_FALSE(equals_ignoring_case("\xC3\x84", "\xC3\xA4"));
}

TEST(Closest, FindsSlipsOfTheKeyboard) {
  constexpr std::array<std::string_view, 4> kWords = {"address", "backlog", "limits", "routes"};
  EXPECT_EQ(closest("adress", kWords), "address");
  EXPECT_EQ(closest("addresss", kWords), "address");
  EXPECT_EQ(closest("backlgo", kWords), "backlog");
  EXPECT_EQ(closest("LIMITS", kWords), "limits");
  EXPECT_EQ(closest("route", kWords), "routes");
}

TEST(Closest, IsSilentWhenNothingIsNear) {
  constexpr std::array<std::string_view, 4> kWords = {"address", "backlog", "limits", "up"};
  EXPECT_EQ(closest("colour", kWords), std::nullopt);
  EXPECT_EQ(closest("", kWords), std::nullopt);
  EXPECT_EQ(closest("do", kWords), std::nullopt);
  EXPECT_EQ(closest(std::string(1000, 'a'), kWords), std::nullopt);
  EXPECT_EQ(closest("address", {}), std::nullopt);
}

TEST(Closest, TakesTheOnlyWordThatLengthensIt) {
  constexpr std::array<std::string_view, 4> kLevels = {"info", "warning", "ttl_min", "ttl_max"};
  EXPECT_EQ(closest("warn", kLevels), "warning");
  EXPECT_EQ(closest("information", kLevels), "info");
  EXPECT_EQ(closest("ttl", kLevels), std::nullopt) << "two could be meant";
  EXPECT_EQ(closest("in", kLevels), std::nullopt) << "two letters tell nothing";
}

TEST(Closest, PrefersTheNearest) {
  constexpr std::array<std::string_view, 3> kWords = {"headers", "header", "reader"};
  EXPECT_EQ(closest("header", kWords), "header");
  EXPECT_EQ(closest("heeder", kWords), "header");
}

TEST(JsonString, EscapesWhatJsonForbids) {
  EXPECT_EQ(json("plain"), "\"plain\"");
  EXPECT_EQ(json("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json("\n\r\t"), R"("\n\r\t")");
  EXPECT_EQ(json(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\\u007f\"");
  EXPECT_EQ(json("\xC2\x9B"
                 "2J\xC2\xA0"),
            "\"\\u009b2J\xC2\xA0\"")
      << "a terminal obeys C1";
  EXPECT_EQ(json("Grüße 日本 🔔"), "\"Grüße 日本 🔔\"");
}

TEST(JsonString, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(json("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
  EXPECT_EQ(json("\xC3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(json("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonString, IsAlwaysUtf8WhateverComesIn) {
  std::mt19937 random(9);
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const std::string text = json(bytes);
    ASSERT_TRUE(is_utf8(text));
    for (std::size_t at = 1; at + 1 < text.size(); ++at) {
      ASSERT_GE(static_cast<unsigned char>(text[at]), 0x20);
    }
  }
}

TEST(Utf8, AcceptsTheEdgesOfEveryLength) {
  for (const char* text :
       {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(text));
  }
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndStrays) {
  for (const char* text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3(", "\xE2\x82", "\xFF"}) {
    EXPECT_FALSE(is_utf8(text));
    EXPECT_EQ(utf8_prefix(text), 0U);
  }
  EXPECT_EQ(utf8_prefix("ab\xC3\xA4\xFF"), 4U);
}

}  // namespace
}  // namespace tocsin
