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

// ---- the same content

Value scalar(Value::Data data, std::uint32_t line = 0) {
  return Value(std::move(data), {{}, line});
}

Value map_of(std::vector<std::pair<std::string, Value>> entries) {
  Value::Map map;
  for (auto& [key, value] : entries) map.push_back({key, std::move(value), {}});
  return Value(std::move(map), {});
}

TEST(SameContent, LooksAtTypeAndPayloadAndNotAtThePlace) {
  const std::vector<Value> different = {scalar({}),
                                        scalar(true),
                                        scalar(std::int64_t{1}),
                                        scalar(std::int64_t{2}),
                                        scalar(1.0),
                                        scalar(std::string("1")),
                                        scalar(Duration(1)),
                                        scalar(Value::Size{1}),
                                        scalar(Rate{1, Duration(1)}),
                                        scalar(Value::List{}),
                                        scalar(Value::Map{}),
                                        scalar(Value::List{scalar(true)}),
                                        scalar(Value::List{scalar(true), scalar(true)}),
                                        map_of({{"a", scalar(true)}}),
                                        map_of({{"a", scalar(false)}}),
                                        map_of({{"b", scalar(true)}})};
  for (std::size_t i = 0; i < different.size(); ++i) {
    for (std::size_t j = 0; j < different.size(); ++j) {
      const Value elsewhere(different[j].data(), {{}, 7});
      EXPECT_EQ(same_content(different[i], elsewhere), i == j) << i << " and " << j;
    }
  }
}

TEST(SameContent, HeedsTheOrderOfListsAndNotOfKeys) {
  const Value a = scalar(std::int64_t{1});
  const Value b = scalar(std::int64_t{2});
  const Value c = scalar(std::int64_t{3});
  EXPECT_FALSE(same_content(scalar(Value::List{a, b}), scalar(Value::List{b, a})));
  const Value written = map_of({{"a", a}, {"b", b}, {"c", c}});
  EXPECT_TRUE(same_content(written, map_of({{"c", c}, {"a", a}, {"b", b}})));
  EXPECT_TRUE(same_content(written, map_of({{"b", b}, {"a", a}, {"c", c}})));
  EXPECT_FALSE(same_content(written, map_of({{"c", c}, {"a", b}, {"b", a}})));
  EXPECT_FALSE(same_content(written, map_of({{"a", a}, {"b", b}, {"d", c}})));
}

TEST(SameContent, LeavesOneKeyOfAMapOut) {
  const Value a = scalar(std::int64_t{1});
  const Value b = scalar(std::int64_t{2});
  EXPECT_TRUE(same_content_but(map_of({{"x", a}, {"y", a}}), map_of({{"y", a}, {"x", b}}), "x"));
  EXPECT_TRUE(same_content_but(map_of({{"y", a}}), map_of({{"x", b}, {"y", a}}), "x"));
  EXPECT_FALSE(same_content_but(map_of({{"x", a}, {"y", a}}), map_of({{"x", a}, {"y", b}}), "x"));
  EXPECT_FALSE(same_content_but(map_of({{"x", a}}), map_of({{"x", a}, {"y", b}}), "x"));
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
