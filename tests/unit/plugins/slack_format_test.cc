#include <gtest/gtest.h>

#include <string>

#include "plugins/output/slack/format.h"
#include "tocsin/sdk/cut.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_slack {
namespace {

std::string fitting(std::string_view text, std::size_t max) {
  std::string out;
  append_fitting(out, text, max);
  return out;
}

std::string times(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out.append(text);
  return out;
}

std::string section(const std::string& text) {
  return R"({"type":"section","text":{"type":"mrkdwn","text":")" + text + R"("}})";
}

// ---- the text

TEST(SlackText, EscapesWhatCouldMentionSomebody) {
  tocsin_notification n{};
  n.title = sdk::to_c("a < b & c > d");
  n.body = sdk::to_c("<!channel> & co");
  EXPECT_EQ(text_of(sdk::Notification(n)), "*a &lt; b &amp; c &gt; d*\n&lt;!channel&gt; &amp; co");
}

TEST(SlackText, IsNeverEmpty) {
  tocsin_notification n{};
  n.topic = sdk::to_c("disk.full");
  EXPECT_EQ(text_of(sdk::Notification(n)), "disk.full");
  n.body = sdk::to_c("94 %");
  EXPECT_EQ(text_of(sdk::Notification(n)), "94 %");
}

TEST(SlackText, IsCutOnCodePointsWithAMarker) {
  EXPECT_EQ(fitting("four", 4), "four");
  EXPECT_EQ(fitting("fives", 4), "fiv\u2026");
  EXPECT_EQ(fitting("\u20ac\u20ac\u20ac\u20ac\u20ac", 4), "\u20ac\u20ac\u20ac\u2026");
  const std::string emoji = times("\U0001F514", kTextMax + 1);
  const std::string cut = fitting(emoji, kTextMax);
  EXPECT_EQ(sdk::units_of(cut, sdk::CutUnit::kCodePoints), kTextMax);
  EXPECT_TRUE(cut.ends_with("\U0001F514\u2026"));
}

TEST(SlackText, IsNotCutInsideOfAnEscapeOrALink) {
  EXPECT_EQ(fitting("ab&amp;cd", 7), "ab\u2026");
  EXPECT_EQ(fitting("ab&amp;cd", 8), "ab&amp;\u2026");
  EXPECT_EQ(fitting("see <https://a.example|this> now", 12), "see \u2026");
  EXPECT_EQ(fitting("<https://a.example|this>", 12), "<https://a.\u2026") << "else nothing is left";
}

// ---- blocks

TEST(SlackBlocks, OfASectionHaveTextsOf3000Characters) {
  const auto blocks = fitting_blocks("[" + section(times("\u20ac", 3000)) + "," +
                                     section(times("\u20ac", 3001)) + "]");
  ASSERT_TRUE(blocks);
  EXPECT_EQ(blocks->cuts, 1U);
  const auto read = sdk::JsonReply::read(blocks->json);
  EXPECT_EQ(read->text("/0/text/text"), times("\u20ac", 3000));
  EXPECT_EQ(read->text("/1/text/text"), times("\u20ac", 2999) + "\u2026");
}

TEST(SlackBlocks, OfHeadersAndFieldsHaveLimitsOfTheirOwn) {
  const auto blocks = fitting_blocks(
      R"([{"type":"header","text":{"type":"plain_text","text":")" + times("h", 151) +
      R"("}},{"type":"section","fields":[{"type":"mrkdwn","text":"a"},{"type":"mrkdwn","text":")" +
      times("f", 2001) + R"("}]}])");
  ASSERT_TRUE(blocks);
  EXPECT_EQ(blocks->cuts, 2U);
  const auto read = sdk::JsonReply::read(blocks->json);
  EXPECT_EQ(read->text("/0/text/text"), times("h", 149) + "\u2026");
  EXPECT_EQ(read->text("/1/fields/0/text"), "a");
  EXPECT_EQ(read->text("/1/fields/1/text"), times("f", 1999) + "\u2026");
}

TEST(SlackBlocks, AreAtMost50AndTheLastSaysThatThereWereMore) {
  const auto some = [](std::size_t count) {
    std::string json = "[" + section("0");
    for (std::size_t i = 1; i < count; ++i) json += "," + section(std::to_string(i));
    return json + "]";
  };
  EXPECT_EQ(fitting_blocks(some(50))->cuts, 0U);
  const auto blocks = fitting_blocks(some(60));
  EXPECT_EQ(blocks->cuts, 1U);
  const auto read = sdk::JsonReply::read(blocks->json);
  EXPECT_EQ(read->text("/48/text/text"), "48");
  EXPECT_EQ(read->text("/49/type"), "context");
  EXPECT_EQ(read->text("/49/elements/0/text"), "\u2026");
  EXPECT_FALSE(read->text("/50/type"));
}

TEST(SlackBlocks, AreTakenAsTheBuilderOfSlackWritesThem) {
  EXPECT_EQ(fitting_blocks(R"({"blocks": [ {"type": "divider"} ]})")->json,
            R"([{"type":"divider"}])");
}

TEST(SlackBlocks, AreRefusedWhenTheyAreNone) {
  for (const char* json : {"", "[", "{}", "1", R"({"blocks":1})", "[] []", "[\"\xff\"]"}) {
    EXPECT_FALSE(fitting_blocks(json)) << json;
  }
  EXPECT_FALSE(fitting_blocks(times("[", 100'000) + times("]", 100'000)));
}

TEST(SlackBlocks, MayHoldAnythingElse) {
  const std::string odd =
      R"([1,{"type":7},{"text":{"text":5},"type":"section"},{"type":"section","fields":[3]}])";
  EXPECT_EQ(fitting_blocks(odd)->json, odd);
}

// ---- what templates of blocks are filled in from

TEST(SlackEscapedNotification, EscapesTextsAndLabelValues) {
  const tocsin_label labels[] = {{sdk::to_c("a<b"), sdk::to_c("<@U1>")},
                                 {sdk::to_c("team"), sdk::to_c("R&D")}};
  tocsin_notification n{};
  n.title = sdk::to_c("<!here>");
  n.labels = labels;
  n.label_count = 2;
  n.label_stride = sizeof(tocsin_label);
  const EscapedNotification escaped(n);
  const sdk::Notification seen(escaped.c());
  EXPECT_EQ(seen.title(), "&lt;!here&gt;");
  EXPECT_EQ(seen.label("a<b"), "&lt;@U1&gt;");
  EXPECT_EQ(seen.label("team"), "R&amp;D");
}

TEST(SlackEscapedNotification, EscapesWhatDataSaysHoweverItIsWritten) {
  tocsin_notification n{};
  n.data =
      sdk::to_c(R"({"a":"<!channel>","b":"\u003c!channel\u003E \u0026","c":"\\u003c \" \u00e4"})");
  const EscapedNotification escaped(n);
  EXPECT_EQ(sdk::Notification(escaped.c()).data(),
            R"({"a":"&lt;!channel&gt;","b":"&lt;!channel&gt; &amp;","c":"\\u003c \" \u00e4"})");
}

// ---- the request

TEST(SlackMessage, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(json_of({.text = "say \"hi\"\n"}), R"({"text":"say \"hi\"\n"})");
  EXPECT_EQ(
      json_of({.channel = "C1", .text = "a", .blocks = "[]", .thread_ts = "1.2", .ts = "3.4"}),
      R"({"channel":"C1","ts":"3.4","thread_ts":"1.2","text":"a","blocks":[]})");
}

}  // namespace
}  // namespace tocsin::output_slack
