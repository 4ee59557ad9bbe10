#include "gateway/app/secret_mask.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

constexpr Option kSecretText = {.key = "", .doc = "A secret.", .flags = Option::kSecret};
constexpr Option kInner[] = {
    {.key = "password", .doc = "Secret.", .flags = Option::kSecret},
    {.key = "user", .doc = "Known."},
};
constexpr OptionTable kInnerTable = {"login", "A login.", kInner, {}, {}};
constexpr Option kOptions[] = {
    {.key = "token", .doc = "Secret.", .flags = Option::kSecret},
    {.key = "keys", .type = OptionType::kList, .doc = "Secrets.", .element = &kSecretText},
    {.key = "login", .type = OptionType::kTable, .doc = "A login.", .table = &kInnerTable},
};
constexpr OptionTable kTable = {"output", "An output.", kOptions, {}, {}};

Value text(std::string value) { return Value(Value::Data(std::move(value)), Place()); }

Value map(std::vector<std::pair<std::string, Value>> entries) {
  Value::Map made;
  for (auto& [key, value] : entries) made.push_back({key, std::move(value), Place()});
  return Value(std::move(made), Place());
}

TEST(SecretMask, TakesOutEverySecretOfItsSettings) {
  Value::List keys;
  keys.push_back(text("key-one"));
  const SecretMask mask(
      kTable, map({{"token", text("t0ken")},
                   {"keys", Value(std::move(keys), Place())},
                   {"login", map({{"password", text("pa55word")}, {"user", text("alice")}})}}));
  EXPECT_EQ(mask.masked("t0ken, key-one, pa55word of alice; t0kent0ken"),
            "***, ***, *** of alice; ******");
}

TEST(SecretMask, TakesOutEscapedFormsAndTheLongestFirst) {
  Value::List keys;
  keys.push_back(text("a\"b&c"));
  keys.push_back(text("abcd"));
  keys.push_back(text("abcdef"));
  const SecretMask mask(kTable, map({{"keys", Value(std::move(keys), Place())}}));
  EXPECT_EQ(mask.masked(R"({"x":"a\"b&c"} a&quot;b&amp;c a%22b%26c a"b&amp;c abcdef)"),
            R"({"x":"***"} *** *** *** ***)");
}

TEST(SecretMask, TakesOutAShortSecretWhereItIsTheWholeText) {
  const SecretMask mask(kTable, map({{"token", text("42")}}));
  EXPECT_EQ(mask.masked("42"), "***");
  EXPECT_EQ(mask.masked("1742"), "1742");
}

}  // namespace
}  // namespace tocsin::app
