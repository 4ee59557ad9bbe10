#include "gateway/plugin/option_tables.h"

#include <gtest/gtest.h>

#include "tocsin/plugin.hpp"

namespace tocsin::plugin {
namespace {

Result<void> convert(OptionTables& tables, std::span<const sdk::Option> options) {
  static std::deque<sdk::OptionExport> exports;  // what is converted borrows it
  return tables.convert(
      exports.emplace_back().table({.name = "test", .doc = "A test.", .options = options}), "test");
}

std::string refusal(std::span<const sdk::Option> options) {
  OptionTables tables;
  const Result<void> converted = convert(tables, options);
  return converted ? "" : converted.error().what;
}

TEST(OptionTables, SaysTheSameAsThePlugin) {
  static constexpr sdk::Option kInner[] = {{.key = "host", .doc = "A host."}};
  static constexpr sdk::OptionTable kTable = {.name = "t", .doc = "T.", .options = kInner};
  static constexpr sdk::Option kElement = {.type = sdk::kSize, .doc = "A size.", .max = "1MiB"};
  static constexpr sdk::Option kOptions[] = {
      {.key = "timeout",
       .type = sdk::kDuration,
       .doc = "How long.",
       .default_text = "30s",
       .flags = sdk::kReloadable,
       .min = "1s"},
      {.key = "token", .doc = "A secret.", .flags = sdk::kRequired | sdk::kSecret},
      {.key = "sizes", .type = sdk::kList, .doc = "Sizes.", .element = &kElement},
      {.key = "server", .type = sdk::kTable, .doc = "A server.", .table = &kTable}};
  OptionTables tables;
  ASSERT_TRUE(convert(tables, kOptions));
  const std::span<const Option> options = tables.root().options;
  ASSERT_EQ(options.size(), 4U);
  EXPECT_EQ(options[0].key, "timeout");
  EXPECT_EQ(options[0].type, OptionType::kDuration);
  EXPECT_EQ(options[0].default_text, "30s");
  EXPECT_EQ(options[0].min, "1s");
  EXPECT_EQ(options[0].flags, unsigned{Option::kReloadable});
  EXPECT_EQ(options[1].flags, unsigned{Option::kRequired} | unsigned{Option::kSecret});
  EXPECT_EQ(options[2].element->type, OptionType::kSize);
  EXPECT_EQ(options[2].element->max, "1MiB");
  EXPECT_EQ(options[3].table->options[0].key, "host");
}

TEST(OptionTables, GivesAPluginWithoutOptionsAnEmptyTable) {
  OptionTables tables;
  ASSERT_TRUE(tables.convert(nullptr, "null"));
  EXPECT_EQ(tables.root().name, "null");
  EXPECT_TRUE(tables.root().options.empty());
}

TEST(OptionTables, RefusesAKeyThatIsThereTwice) {
  static constexpr sdk::Option kOptions[] = {{.key = "a", .doc = "A."}, {.key = "a", .doc = "A."}};
  EXPECT_EQ(refusal(kOptions), "its option a is there twice");
}

TEST(OptionTables, RefusesAKeyOfTheGateways) {
  static constexpr sdk::Option kOptions[] = {{.key = "delivery", .doc = "A."}};
  EXPECT_EQ(refusal(kOptions), "its option delivery has a key that belongs to the gateway");
}

TEST(OptionTables, RefusesAnUnknownType) {
  static constexpr sdk::Option kOptions[] = {
      {.key = "a", .type = static_cast<sdk::Type>(77), .doc = "A."}};
  EXPECT_EQ(refusal(kOptions), "its option a has the unknown type 77");
}

TEST(OptionTables, RefusesAListWithoutElementAndATableWithoutOptions) {
  static constexpr sdk::Option kList[] = {{.key = "a", .type = sdk::kList, .doc = "A."}};
  EXPECT_EQ(refusal(kList), "its option a does not say what its items are");
  static constexpr sdk::Option kTable[] = {{.key = "b", .type = sdk::kTable, .doc = "B."}};
  EXPECT_EQ(refusal(kTable), "its option b is a table without options");
}

TEST(OptionTables, NamesTheWholePathOfANestedFault) {
  static constexpr sdk::Option kInner[] = {{.key = "host", .doc = ""}};
  static constexpr sdk::OptionTable kTable = {.name = "t", .doc = "T.", .options = kInner};
  static constexpr sdk::Option kOptions[] = {
      {.key = "server", .type = sdk::kTable, .doc = "A server.", .table = &kTable}};
  EXPECT_EQ(refusal(kOptions), "its option server.host has no doc");
}

TEST(OptionTables, StopsAtATableThatHoldsItself) {
  tocsin_option_table table{};
  tocsin_option option{};
  option.size = sizeof(option);
  option.type = TOCSIN_TABLE;
  option.key = {"again", 5};
  option.doc = {"Again.", 6};
  option.table = &table;
  table.size = sizeof(table);
  table.count = 1;
  table.stride = sizeof(option);
  table.options = &option;
  OptionTables tables;
  const Result<void> converted = tables.convert(&table, "endless");
  ASSERT_FALSE(converted);
  EXPECT_NE(converted.error().what.find("is nested too deeply"), std::string::npos);
}

TEST(OptionTables, RefusesATableOfAnotherSize) {
  tocsin_option_table table{};
  table.size = 8;
  OptionTables tables;
  const Result<void> converted = tables.convert(&table, "small");
  ASSERT_FALSE(converted);
  EXPECT_EQ(converted.error().what, "its option table is malformed");
}

}  // namespace
}  // namespace tocsin::plugin
