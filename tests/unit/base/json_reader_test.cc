#include "gateway/base/json_reader.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace tocsin {
namespace {

TEST(JsonReader, ReadsEveryKindOfValue) {
  const auto root = read_json(
      R"( {"text":"a\u00e9\n","yes":true,"none":null,"whole":-7,"real":1.5e3,"list":[1,[],{}]} )");
  ASSERT_TRUE(root) << root.error().text();
  EXPECT_EQ(root->string("text"), "a\xC3\xA9\n");
  EXPECT_TRUE(root->boolean("yes"));
  EXPECT_TRUE(root->at("none").is_null());
  EXPECT_EQ(root->integer("whole"), -7);
  EXPECT_EQ(root->at("real").as<double>(), 1500.0);
  const auto& list = root->at("list").as<Value::List>();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].as<std::int64_t>(), 1);
  EXPECT_TRUE(list[1].as<Value::List>().empty());
  EXPECT_TRUE(list[2].as<Value::Map>().empty());
}

TEST(JsonReader, KeepsTheOrderOfNames) {
  const auto root = read_json(R"({"b":1,"a":2,"":3})");
  ASSERT_TRUE(root);
  const auto& members = root->as<Value::Map>();
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0].key, "b");
  EXPECT_EQ(members[1].key, "a");
  EXPECT_EQ(members[2].key, "");
}

TEST(JsonReader, ReadsWholeNumbersBeyond64BitsAsDoubles) {
  const auto last = read_json("9223372036854775807");
  EXPECT_EQ(last->as<std::int64_t>(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(read_json("9223372036854775808")->as<double>(), 9223372036854775808.0);
}

TEST(JsonReader, RefusesNumbersBeyondADouble) {
  EXPECT_FALSE(read_json("1e999"));
  EXPECT_FALSE(read_json(std::string(400, '9')));
  EXPECT_EQ(read_json("1e-999")->as<double>(), 0.0);
}

TEST(JsonReader, WritesWhatItRead) {
  constexpr std::string_view kText =
      R"({"b":[1,-2.5,1e+300,true,null,"a\n"],"a":{},"c":{"d":[[]]}})";
  std::string out;
  JsonWriter json(out);
  write_json(json, *read_json(kText));
  EXPECT_EQ(out, kText);
}

TEST(JsonReader, RefusesWhatIsNotStrictJson) {
  const std::string_view wrong[] = {"",
                                    " ",
                                    "{",
                                    "[1,]",
                                    "{\"a\":1,}",
                                    "{a:1}",
                                    "'a'",
                                    "01",
                                    "1 2",
                                    "nul",
                                    "\"\\x\"",
                                    "\"\xFF\"",
                                    "\"a\nb\"",
                                    "[1]x",
                                    "NaN",
                                    "// a\n1",
                                    "\"\\ud800\"",
                                    "\xEF\xBB\xBF"
                                    "1",
                                    "+1",
                                    ".5",
                                    "1.",
                                    "\"\xED\xA0\x80\""};
  for (const std::string_view text : wrong) EXPECT_FALSE(read_json(text)) << text;
}

TEST(JsonReader, RefusesANulByteAnywhere) {
  using std::string_literals::operator""s;
  EXPECT_FALSE(read_json("1\0"s));
  EXPECT_FALSE(read_json("\0001"s));
  EXPECT_FALSE(read_json("{\"a\":\0001}"s));
  EXPECT_FALSE(read_json("\"a\0b\""s));
}

TEST(JsonReader, RefusesANameThatStandsTwiceInOneObject) {
  EXPECT_FALSE(read_json(R"({"a":1,"b":{},"a":2})"));
  EXPECT_FALSE(read_json(R"([{"a":1,"\u0061":2}])"));
  EXPECT_TRUE(read_json(R"({"a":{"a":{"a":1}}})"));
}

TEST(JsonReader, LimitsDepth) {
  EXPECT_TRUE(read_json("[[[]]]", {.depth_max = 3}));
  EXPECT_FALSE(read_json("[[[[]]]]", {.depth_max = 3}));
  EXPECT_FALSE(read_json(std::string(1'000'000, '[')));
}

}  // namespace
}  // namespace tocsin
