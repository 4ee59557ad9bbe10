#include <gtest/gtest.h>

#include <string>

#include "tocsin/sdk/json.hpp"

namespace {

using tocsin::sdk::append_json;
using tocsin::sdk::JsonReply;

TEST(JsonReplyTest, FindsScalarsByTheirPointers) {
  const auto reply = JsonReply::read(
      R"({"ok":false,"error":{"details":[{},{"errorCode":"UNREGISTERED"}],"n":1.5},"none":null,)"
      R"("a/b":{"~":[[7],"x"]},"after":true})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->boolean("/ok"), false);
  EXPECT_EQ(reply->text("/error/details/1/errorCode"), "UNREGISTERED");
  EXPECT_EQ(reply->number("/error/n"), 1.5);
  EXPECT_EQ(reply->text("/error/n"), "1.5");
  EXPECT_TRUE(reply->is_null("/none"));
  EXPECT_EQ(reply->text("/a~1b/~0/0/0"), "7");
  EXPECT_EQ(reply->text("/a~1b/~0/1"), "x");
  EXPECT_EQ(reply->boolean("/after"), true);
}

TEST(JsonReplyTest, TellsKindsApartAndWhatIsNotThere) {
  const auto reply = JsonReply::read(R"({"text":"true","flag":true})");
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->boolean("/text"));
  EXPECT_FALSE(reply->text("/flag"));
  EXPECT_FALSE(reply->number("/text"));
  EXPECT_FALSE(reply->is_null("/text"));
  EXPECT_FALSE(reply->text("/other"));
  EXPECT_FALSE(reply->text(""));
}

TEST(JsonReplyTest, AScalarAloneIsAtTheRoot) {
  const auto reply = JsonReply::read(R"("ok")");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->text(""), "ok");
}

TEST(JsonReplyTest, OfRepeatedNamesTheFirstCounts) {
  const auto reply = JsonReply::read(R"({"id":"first","id":"second"})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->text("/id"), "first");
}

TEST(JsonReplyTest, RefusesWhatIsNoJson) {
  for (const char* text : {"", "ok", "{", R"({"a":1}x)", R"({"a":01})", "\"\xff\"", "[1,]"}) {
    EXPECT_FALSE(JsonReply::read(text)) << text;
  }
}

TEST(JsonReplyTest, HasALimitOfDepthAndOfScalars) {
  const std::string deep(JsonReply::kDepthMax, '[');
  EXPECT_TRUE(JsonReply::read(deep + std::string(JsonReply::kDepthMax, ']')));
  EXPECT_FALSE(JsonReply::read("[" + deep + std::string(JsonReply::kDepthMax + 1, ']')));
  EXPECT_FALSE(JsonReply::read(std::string(200'000, '[')));

  std::string many = "[1";
  for (std::size_t i = 1; i < JsonReply::kScalarsMax; ++i) many += ",1";
  EXPECT_TRUE(JsonReply::read(many + "]"));
  EXPECT_FALSE(JsonReply::read(many + ",1]"));
}

TEST(AppendJsonTest, WritesWhatReadsBackTheSame) {
  const std::string text = "a\"b\\c\n\r\t\x01\x1f/\xc3\xa9\xf0\x9f\x94\x94";
  std::string json;
  append_json(json, text);
  const auto reply = JsonReply::read(json);
  ASSERT_TRUE(reply) << json;
  EXPECT_EQ(reply->text(""), text);
}

}  // namespace
