#include "gateway/config/validation.h"

#include <gtest/gtest.h>

#include <array>

#include "gateway/config/dump.h"
#include "gateway/config/json_schema.h"
#include "gateway/config/load.h"

namespace tocsin::config {
namespace {

using enum OptionType;

constexpr Option kSecretItem = {.key = "", .doc = "d", .flags = Option::kSecret};
constexpr Option kWord = {.key = "", .doc = "d"};
constexpr std::array<Option, 8> kOptions = {{
    {.key = "token", .doc = "d", .flags = Option::kSecret, .min = "8"},
    {.key = "tokens", .type = kMap, .doc = "d", .element = &kSecretItem},
    {.key = "words", .type = kList, .doc = "d", .max = "2", .element = &kWord},
    {.key = "pin", .type = kInteger, .doc = "d", .flags = Option::kSecret},
    {.key = "rate", .type = kRate, .doc = "d", .default_text = "10/s", .max = "100/s"},
    {.key = "share", .type = kNumber, .doc = "d", .min = "0", .max = "1"},
    {.key = "data", .type = kAny, .doc = "d"},
    {.key = "wait", .type = kDuration, .doc = "d", .default_text = "never", .choices = "never"},
}};
constexpr OptionTable kThing = {"thing", "d", kOptions, {}, {}};

class NoComponents final : public ComponentCatalog {
 public:
  const OptionTable* find(std::string_view, std::string_view) const override { return nullptr; }
  std::vector<std::string_view> names(std::string_view) const override { return {}; }
};

struct Outcome {
  bool accepted = false;
  std::string text;
};

Outcome check(const std::string& yaml, const OptionTable& table = kThing) {
  MemoryEnvironment environment;
  environment.files = {{"f", yaml}, {"key", "FROM-A-FILE"}};
  environment.variables = {{"SECRET", "FROM-A-VARIABLE"}};
  NoComponents none;
  const auto loaded = load("f", table, none, environment);
  Outcome outcome{loaded.has_value(), {}};
  if (loaded) append_dump(outcome.text, loaded->root, table, NoComponents(), true);
  if (!loaded) append_text(outcome.text, loaded.error().diagnostics, loaded.error().sources);
  return outcome;
}

TEST(Validation, NeverShowsASecret) {
  for (const char* yaml :
       {"token: hunter2", "token: [hunter2]", "pin: hunter2", "pin: \"hunter2\"\nwords: 1",
        "tokns: hunter2", "{token: hunter2, colour: red}"}) {
    const Outcome outcome = check(yaml);
    EXPECT_FALSE(outcome.accepted) << yaml;
    EXPECT_EQ(outcome.text.find("hunter2"), std::string::npos) << outcome.text;
  }
  const Outcome dumped = check("token: hunter2hunter2\ntokens: {a: hunter2}\n");
  EXPECT_EQ(dumped.text, "token = ***\ntokens.a = ***\n");
}

TEST(Validation, NeverShowsWhatAFileOrASecretVariableHolds) {
  EXPECT_EQ(check("pin: \"${SECRET}\"").text.find("FROM-A"), std::string::npos);
  EXPECT_EQ(check("share: \"${file:key}\"").text.find("FROM-A"), std::string::npos);
  EXPECT_EQ(check("words: \"${file:key}\"").text.find("FROM-A"), std::string::npos);
  EXPECT_NE(check("share: \"${SECRET}\"").text.find("FROM-A-VARIABLE"), std::string::npos)
      << "an option that is not secret shows what it got";
}

TEST(Validation, TypesRatesNumbersAndWords) {
  EXPECT_EQ(check("rate: 5/10s\nshare: 0.25\nwait: 30s\n").text,
            "rate = rate 5/10s\nshare = number 0.250000\nwait = duration 30s\n");
  EXPECT_EQ(check("wait: never\n").text, "wait = text \"never\"\n");
  EXPECT_NE(check("rate: 101/s\n").text.find("must be at most 100/s"), std::string::npos);
  EXPECT_NE(check("rate: 10\n").text.find("write 10/s"), std::string::npos);
  EXPECT_NE(check("share: 1.5\n").text.find("must be at most 1"), std::string::npos);
  EXPECT_NE(check("share: nan\n").text.find("write a number such as 0.5"), std::string::npos);
  EXPECT_NE(check("wait: nevr\n").text.find("did you mean never?"), std::string::npos);
}

TEST(Validation, KeepsAnyYamlAsItIs) {
  EXPECT_EQ(check("data: {a: 1, b: \"1\", c: [true, 1.5, ~, x]}\n").text,
            "data.a = integer 1\ndata.b = text \"1\"\ndata.c[0] = boolean true\n"
            "data.c[1] = number 1.500000\ndata.c[2] = null\ndata.c[3] = text \"x\"\n");
  EXPECT_EQ(check("data: \"${UNSET:1}\"\n").text, "data = text \"1\"\n")
      << "what was filled in is text unless an option gives it a type";
}

TEST(Validation, BoundsListsByTheirLength) {
  EXPECT_NE(check("words: [a, b, c]\n").text.find("must have at most 2 entries"),
            std::string::npos);
}

TEST(Validation, FillsInDefaultsWithoutAPlace) {
  MemoryEnvironment environment;
  environment.files["f"] = "share: 1\n";
  NoComponents none;
  const auto loaded = load("f", kThing, none, environment);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->root.at("rate").as<Rate>(), (Rate{10, std::chrono::seconds(1)}));
  EXPECT_EQ(loaded->root.at("rate").place().file, nullptr);
  EXPECT_EQ(loaded->root.at("share").place().text(), "f:1:8");
  EXPECT_EQ(loaded->root.find("token"), nullptr);
}

TEST(Validation, ReportsFaultsInTheOrderOfTheFile) {
  MemoryEnvironment environment;
  environment.files["f"] = "x: 1\nshare: a\nrate: b\ny: 1\n";
  NoComponents none;
  const auto loaded = load("f", kThing, none, environment);
  ASSERT_FALSE(loaded);
  ASSERT_EQ(loaded.error().diagnostics.size(), 4U);
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(loaded.error().diagnostics[i].place.line, i + 1);
  }
}

TEST(TableMistakes, FindsEverySlip) {
  static constexpr Option kNoElement = {.key = "", .type = kList, .doc = "d"};
  static constexpr std::array<Option, 9> kSlips = {{
      {.key = "no_doc"},
      {.key = "a", .doc = "d", .default_text = "x", .flags = Option::kRequired},
      {.key = "a", .doc = "d"},
      {.key = "b", .type = kDuration, .doc = "d", .default_text = "30"},
      {.key = "c", .type = kInteger, .doc = "d", .default_text = "5", .max = "4"},
      {.key = "d", .type = kSize, .doc = "d", .min = "1k"},
      {.key = "e", .type = kList, .doc = "d", .element = &kNoElement},
      {.key = "f", .type = kTable, .doc = "d"},
      {.key = "g", .type = kChoice, .doc = "d"},
  }};
  constexpr OptionTable kBad = {"bad", "d", kSlips, "e", "a|zzz"};
  const std::vector<std::string> mistakes = table_mistakes(kBad);
  const std::vector<std::string> expected = {"bad.no_doc: no doc",
                                             "bad.a: required with a default",
                                             "bad.a: the key is there twice",
                                             "bad.b: the default does not parse",
                                             "bad.c: default out of bounds",
                                             "bad.d: a bound does not parse",
                                             "bad.e[]: no element",
                                             "bad.f: no table",
                                             "bad.g: no choices",
                                             "bad: scalar_key is no scalar",
                                             "bad: exactly_one_of with a default or required: a",
                                             "bad: exactly_one_of names no option: zzz"};
  EXPECT_EQ(mistakes, expected);
  EXPECT_TRUE(table_mistakes(kThing).empty());
}

TEST(JsonSchema, SaysTypesBoundsAndSecretsDoNotLeak) {
  const std::string schema = json_schema(kThing, NoComponents());
  EXPECT_NE(schema.find("\"additionalProperties\": false"), std::string::npos);
  EXPECT_NE(schema.find("\"maxItems\": 2"), std::string::npos);
  EXPECT_NE(schema.find("\"const\": \"never\""), std::string::npos);
  EXPECT_EQ(schema.find("null,"), std::string::npos);
}

TEST(Diagnostics, ShowALongLineAroundItsCaret) {
  Diagnostics faults(1);
  SourceFiles sources;
  faults[0].place = {sources.add("f", std::string(500, 'a') + "X" + std::string(500, 'b')), 1, 501};
  faults[0].message = "m";
  std::string text;
  append_text(text, faults, sources);
  const std::size_t line = text.find('\n') + 1;
  const std::size_t caret_line = text.find('\n', line) + 1;
  EXPECT_LT(caret_line - line, 150U);
  EXPECT_EQ(text.find('X') - line, text.find('^') - caret_line);
}

TEST(Diagnostics, FitOnOneLineForLogs) {
  const Diagnostic fault = {
      {std::make_shared<const std::string>("f"), 1, 2}, "a.b", "wrong", "right"};
  EXPECT_EQ(one_line(fault), "f:1:2: a.b: wrong; right");
}

}  // namespace
}  // namespace tocsin::config
