#include "gateway/plugin/settings.h"

#include <gtest/gtest.h>

#include "tocsin/plugin.hpp"

namespace tocsin::plugin {
namespace {

Value::Entry entry(std::string key, Value::Data data) {
  const Place place{std::make_shared<const std::string>("t.yaml"), 3, 7};
  return {std::move(key), Value(std::move(data), place), place};
}

Value map_of(std::vector<Value::Entry> entries) { return Value(std::move(entries), Place()); }

TEST(Settings, ReachThePluginWithTheirTypes) {
  const Value value =
      map_of({entry("on", true), entry("count", std::int64_t{-3}), entry("share", 0.25),
              entry("name", std::string("x")), entry("wait", Duration(1500)),
              entry("room", Value::Size{4096}), entry("pace", Rate{0.5, std::chrono::seconds(2)})});
  const Settings settings(value);
  const sdk::Value seen(&settings.root());
  EXPECT_TRUE(seen["on"].boolean());
  EXPECT_EQ(seen["count"].integer(), -3);
  EXPECT_EQ(seen["share"].number(), 0.25);
  EXPECT_EQ(seen["name"].text(), "x");
  EXPECT_EQ(seen["wait"].duration(), Duration(1500));
  EXPECT_EQ(seen["room"].bytes(), 4096U);
  EXPECT_EQ(seen["pace"].rate().count, 0.5);
  EXPECT_EQ(seen["pace"].rate().period, std::chrono::seconds(2));
  EXPECT_EQ(seen["name"].place(), "t.yaml:3:7");
}

TEST(Settings, LeaveOutWhatIsTheGateways) {
  const Value value = map_of({entry("type", std::string("slack")), entry("id", std::string("a")),
                              entry("delivery", Value::Map{}), entry("url", std::string("u"))});
  const Settings settings(value);
  const sdk::Value seen(&settings.root());
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen["url"]);
  EXPECT_FALSE(seen["type"]);
}

TEST(Settings, KeepThoseKeysBelowTheTop) {
  const Value value = map_of({entry("headers", Value::Map{entry("type", std::string("text"))})});
  const Settings settings(value);
  const sdk::Value seen(&settings.root());
  EXPECT_EQ(seen["headers"]["type"].text(), "text");
}

TEST(Settings, HoldListsOfMapsInOrder) {
  Value::List list;
  list.push_back(map_of({entry("a", std::int64_t{1})}));
  list.push_back(map_of({entry("a", std::int64_t{2}), entry("b", std::int64_t{3})}));
  const Value value = map_of({entry("items", std::move(list))});
  const Settings settings(value);
  const sdk::Value items = sdk::Value(&settings.root())["items"];
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items.at(0)["a"].integer(), 1);
  EXPECT_EQ(items.at(1).key(1), "b");
  EXPECT_EQ(items.at(1).at(1).integer(), 3);
}

TEST(Settings, AnAbsentOneGivesTheFallback) {
  const Settings settings(map_of({}));
  const sdk::Value seen(&settings.root());
  EXPECT_EQ(seen["url"].text("none"), "none");
  EXPECT_EQ(seen["a"]["b"].integer(7), 7);
}

}  // namespace
}  // namespace tocsin::plugin
