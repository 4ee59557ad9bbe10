#include "gateway/telemetry/log_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "gateway/base/text.h"
#include "tests/unit/telemetry/flat_json.h"

namespace tocsin::telemetry {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kTime{std::chrono::seconds(1'767'225'600) + std::chrono::microseconds(7999)};

std::string format(std::string_view message, std::vector<LogField> fields = {},
                   LogFormat how = LogFormat::kJson, std::string_view logger = "http") {
  std::string out;
  append_log_line(out, {kTime, LogLevel::kWarning, logger, message, fields}, how);
  return out;
}

FlatJson parse(const std::string& line) {
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  EXPECT_TRUE(line.ends_with("}\n")) << line;
  return FlatJson(line);
}

TEST(LogLine, PutsTimeLevelLoggerAndMessageFirst) {
  EXPECT_EQ(format("hello"),
            "{\"time\":\"2026-01-01T00:00:00.007Z\",\"level\":\"warning\",\"logger\":\"http\","
            "\"message\":\"hello\"}\n");
}

TEST(LogLine, WritesEachKindOfFieldAsItsJsonType) {
  const std::string text = "text";
  const auto json = parse(format("m", {{"literal", "a"},
                                       {"string", text},
                                       {"view", std::string_view("v")},
                                       {"int", -3},
                                       {"int64", std::numeric_limits<std::int64_t>::min()},
                                       {"uint64", std::numeric_limits<std::uint64_t>::max()},
                                       {"double", 0.25},
                                       {"yes", true},
                                       {"whole_ms", std::chrono::seconds(2)},
                                       {"part_ms", std::chrono::microseconds(1500)},
                                       {"minus_ms", std::chrono::milliseconds(-5)}}));
  EXPECT_EQ(json.string("literal"), "a");
  EXPECT_EQ(json.string("string"), "text");
  EXPECT_EQ(json.string("view"), "v");
  EXPECT_EQ(json.integer("int"), -3);
  EXPECT_EQ(json.integer("int64"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(json.natural("uint64"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(json.number("double"), 0.25);
  EXPECT_TRUE(json.boolean("yes"));
  EXPECT_EQ(json.integer("whole_ms"), 2000);
  EXPECT_EQ(json.number("part_ms"), 1.5);
  EXPECT_EQ(json.integer("minus_ms"), -5);
}

TEST(LogLine, WritesNullForWhatJsonHasNoNumberFor) {
  const auto json = parse(format("m", {{"nan", std::numeric_limits<double>::quiet_NaN()},
                                       {"inf", std::numeric_limits<double>::infinity()}}));
  EXPECT_TRUE(json.is_null("nan"));
  EXPECT_TRUE(json.is_null("inf"));
}

TEST(LogLine, KeepsHostileTextInsideItsString) {
  const std::string hostile("\"},{\"level\":\"error\"\r\n\0\x01\x1b[31m\\", 28);
  const auto json = parse(format(hostile, {{hostile, hostile}}, LogFormat::kJson, hostile));
  EXPECT_EQ(json.string("message"), hostile);
  EXPECT_EQ(json.size(), 5U);
  EXPECT_EQ(json.string("level"), "warning");
}

TEST(LogLine, StaysValidJsonForRandomBytes) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 80, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const auto json = parse(format(bytes, {{"value", bytes}}, LogFormat::kJson, bytes));
    EXPECT_EQ(json.size(), 5U);
  }
}

TEST(LogLine, CutsLongTextAtACharacter) {
  std::string text(kLogTextBytesMax - 1, 'a');
  text += "\u20ac and more";
  const auto json = parse(format(text));
  EXPECT_EQ(json.string("message"), std::string(kLogTextBytesMax - 1, 'a'));
}

TEST(LogLine, LeavesOutFieldsBeyondTheLineLimitAndSaysSo) {
  const std::string big(kLogTextBytesMax, '\x01');  // six bytes each once escaped
  for (const LogFormat how : {LogFormat::kJson, LogFormat::kText}) {
    const std::string line = format(big, {{"a", big}, {"b", big}, {"c", 1}}, how);
    EXPECT_LE(line.size(), kLogLineBytesMax);
    EXPECT_THAT(line, HasSubstr("truncated"));
  }
  const auto json = parse(format("m", {{"a", big}, {"b", big}, {"c", 1}}));
  EXPECT_TRUE(json.has("a"));
  EXPECT_FALSE(json.has("b"));
  EXPECT_TRUE(json.boolean("truncated"));
}

TEST(LogLine, ShowsPeopleKeysAndValues) {
  EXPECT_EQ(format("accept failed", {{"fd", 7}, {"error", "too many files"}, {"who", "a"}},
                   LogFormat::kText),
            "2026-01-01T00:00:00.007Z WARNING  http: accept failed fd=7 error=\"too many files\" "
            "who=a\n");
}

// A token's name with a quote in it made further fields of its own.
TEST(LogLine, NoValuePassesForFurtherFieldsInText) {
  EXPECT_THAT(format("m", {{"who", "eve\" role=\"admin"}}, LogFormat::kText),
              EndsWith(R"(who="eve\" role=\"admin")"
                       "\n"));
  EXPECT_THAT(format("m", {{"who", R"(a\)"}, {"role", "b"}}, LogFormat::kText),
              EndsWith(R"(who="a\\" role=b)"
                       "\n"));
}

TEST(LogLine, ColoursOnlyTheLevel) {
  EXPECT_EQ(format("m", {}, LogFormat::kColoredText),
            "2026-01-01T00:00:00.007Z \x1b[33mWARNING \x1b[0m http: m\n");
}

TEST(LogLine, KeepsControlCharactersFromATerminal) {
  const std::string line =
      format("a\nb\x1b[2J\x7f", {{"k", "x\r\ny"}, {"c1", "\xc2\x9b"}}, LogFormat::kText);
  EXPECT_THAT(line, HasSubstr("a\\x0ab\\x1b[2J\\x7f"));
  EXPECT_THAT(line, HasSubstr("k=x\\x0d\\x0ay"));
  EXPECT_THAT(line, HasSubstr("c1=\\xc2\\x9b"));
}

TEST(LogLine, ShowsBytesThatAreNotUtf8AsHex) {
  EXPECT_THAT(format("a\x9bz", {}, LogFormat::kText), HasSubstr("a\\x9bz"));
  EXPECT_THAT(format("gr\u00fcn", {}, LogFormat::kText), HasSubstr("gr\u00fcn"));
}

TEST(LogLine, TextOfRandomBytesIsOnePrintableLine) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 60, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const std::string line = format(bytes, {{"k", bytes}}, LogFormat::kText, bytes);
    ASSERT_EQ(line.find('\n'), line.size() - 1);
    ASSERT_TRUE(is_utf8(line));
    for (const char c : std::string_view(line).substr(0, line.size() - 1)) {
      ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << line;
    }
  }
}

}  // namespace
}  // namespace tocsin::telemetry
