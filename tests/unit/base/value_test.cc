#include "gateway/base/value.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

Value sample() {
  Value::Map map;
  map.push_back({"on", Value(true, {}), {}});
  map.push_back({"count", Value(std::int64_t{3}, {}), {}});
  map.push_back({"name", Value(std::string("x"), {}), {}});
  map.push_back({"wait", Value(Duration(5), {}), {}});
  map.push_back({"size", Value(Value::Size{7}, {}), {}});
  return Value(std::move(map), {});
}

TEST(Value, GivesEachEntryAsItsType) {
  const Value value = sample();
  EXPECT_TRUE(value.boolean("on"));
  EXPECT_EQ(value.integer("count"), 3);
  EXPECT_EQ(value.string("name"), "x");
  EXPECT_EQ(value.duration("wait"), Duration(5));
  EXPECT_EQ(value.bytes("size"), 7U);
  EXPECT_EQ(value.find("absent"), nullptr);
  EXPECT_TRUE(Value().is_null());
}

TEST(Value, CopiesAreDeep) {
  const Value value = sample();
  Value copy = value;
  copy = Value(std::int64_t{1}, {});
  EXPECT_EQ(value.integer("count"), 3);
}

TEST(SameContent, LooksAtWhatIsSaidAndNotWhere) {
  const auto map = [](Value::Map entries) { return Value(std::move(entries), {}); };
  const Value here = map({{"a", Value(std::int64_t{1}, {nullptr, 3, 4}), {}}});
  const Value there = map({{"a", Value(std::int64_t{1}, {nullptr, 9, 9}), {}}});
  const Value other = map({{"a", Value(std::int64_t{2}, {}), {}}});
  const Value longer =
      map({{"a", Value(std::int64_t{1}, {}), {}}, {"b", Value(std::string("x"), {}), {}}});
  EXPECT_TRUE(same_content(here, there));
  EXPECT_FALSE(same_content(here, other));
  EXPECT_FALSE(same_content(here, longer));
  EXPECT_TRUE(same_content_but(here, longer, "b"));
  EXPECT_TRUE(same_content_but(longer, here, "b"));
  EXPECT_FALSE(same_content_but(other, longer, "b"));
  EXPECT_FALSE(same_content(Value(std::string("1"), {}), Value(std::int64_t{1}, {})));
}

TEST(ValueDeathTest, ReadingAnotherTypeIsABug) {
  EXPECT_DEATH((void)sample().integer("name"), "another type");
  EXPECT_DEATH((void)sample().at("absent"), "guarantees");
}

TEST(Place, IsWrittenAsCompilersDo) {
  const auto file = std::make_shared<const std::string>("a.yaml");
  EXPECT_EQ((Place{file, 3, 7}).text(), "a.yaml:3:7");
  EXPECT_EQ((Place{file, 0, 0}).text(), "a.yaml");
  EXPECT_EQ(Place().text(), "default");
}

}  // namespace
}  // namespace tocsin
