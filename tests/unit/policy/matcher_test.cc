#include "gateway/policy/matcher.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "tests/unit/policy/naive_glob.h"

namespace tocsin::policy {
namespace {

bool matches(std::string_view pattern, std::string_view topic) {
  const auto glob = Glob::compile(pattern);
  EXPECT_TRUE(glob) << pattern << ": " << glob.error().text();
  return glob->match(topic);
}

TEST(Glob, MatchesALiteralByteForByte) {
  EXPECT_TRUE(matches("orders.created", "orders.created"));
  EXPECT_FALSE(matches("orders.created", "orders.creates"));
  EXPECT_FALSE(matches("orders.created", "Orders.created"));
  EXPECT_FALSE(matches("orders", "orders.created"));
  EXPECT_FALSE(matches("orders.created", "orders"));
  EXPECT_FALSE(matches("orders", ""));
}

TEST(Glob, MatchesExactlyOneSegmentWithAStar) {
  EXPECT_TRUE(matches("orders.*", "orders.created"));
  EXPECT_FALSE(matches("orders.*", "orders"));
  EXPECT_FALSE(matches("orders.*", "orders.eu.created"));
  EXPECT_TRUE(matches("*.*.created", "orders.eu.created"));
  EXPECT_TRUE(matches("*", "orders"));
  EXPECT_FALSE(matches("*", "")) << "the empty topic has no segment";
  EXPECT_TRUE(matches("orders.*", "orders.")) << "whatever its text";
}

TEST(Glob, MatchesAnyNumberOfSegmentsWithTwoStars) {
  EXPECT_TRUE(matches("**", ""));
  EXPECT_TRUE(matches("**", "a.b.c"));
  EXPECT_TRUE(matches("orders.**", "orders"));
  EXPECT_TRUE(matches("orders.**", "orders.eu.created"));
  EXPECT_FALSE(matches("orders.**", "ordersx"));
  EXPECT_TRUE(matches("**.created", "created"));
  EXPECT_TRUE(matches("**.created", "orders.eu.created"));
  EXPECT_TRUE(matches("a.**.z", "a.z"));
  EXPECT_TRUE(matches("a.**.b.**.z", "a.x.b.b.y.z"));
  EXPECT_FALSE(matches("a.**.b.**.z", "a.x.y.z"));
  EXPECT_TRUE(matches("**.**", "a"));
  EXPECT_FALSE(matches("**.*", ""));
}

TEST(Glob, MatchesARunOfBytesInsideASegment) {
  EXPECT_TRUE(matches("orders.eu-*", "orders.eu-west"));
  EXPECT_TRUE(matches("orders.eu-*", "orders.eu-"));
  EXPECT_FALSE(matches("orders.eu-*", "orders.eu-west.created"));
  EXPECT_TRUE(matches("*-west", "eu-west"));
  EXPECT_TRUE(matches("a*b*c", "aXbbYc"));
  EXPECT_FALSE(matches("a*b*c", "aXcYb"));
  EXPECT_FALSE(matches("a*b", "a.b"));
}

TEST(Glob, TellsWhereAPatternIsWrong) {
  const auto where = [](std::string_view pattern) {
    const auto glob = Glob::compile(pattern);
    return glob ? std::string("compiled") : glob.error().where;
  };
  EXPECT_EQ(where(""), "column 1");
  EXPECT_EQ(where(".a"), "column 1");
  EXPECT_EQ(where("a."), "column 3");
  EXPECT_EQ(where("a..b"), "column 3");
  EXPECT_EQ(where("orders.a**"), "column 9");
  EXPECT_EQ(where("***"), "column 1");
  EXPECT_EQ(where("a.**b.c"), "column 3");
  EXPECT_EQ(where(std::string(1025, 'a')), "column 1025");
  EXPECT_EQ(where(std::string(1024, 'a')), "compiled");
}

TEST(Glob, KnowsWhetherItIsLiteral) {
  EXPECT_TRUE(Glob::compile("a.b")->is_literal());
  EXPECT_FALSE(Glob::compile("a.*")->is_literal());
  EXPECT_FALSE(Glob::compile("a.b*")->is_literal());
  EXPECT_EQ(Glob::compile("a.**.b")->pattern(), "a.**.b");
}

TEST(Glob, StaysWholeWhenCopied) {
  Glob copy = *Glob::compile("a.*");
  {
    const Glob original = *Glob::compile("some.longer.pattern.that.is.not.stored.inside.**");
    copy = original;
  }
  EXPECT_TRUE(copy.match("some.longer.pattern.that.is.not.stored.inside.here"));
}

std::string random_text(std::mt19937_64& random, std::string_view alphabet, std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += alphabet[random() % alphabet.size()];
  return text;
}

TEST(Glob, AgreesWithItsDefinitionOnRandomInput) {
  std::mt19937_64 random(8);
  int compiled = 0;
  int matched = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string pattern = random_text(random, "ab..**", 1 + random() % 10);
    const std::string topic = random_text(random, "aab.", random() % 12);
    const auto glob = Glob::compile(pattern);
    if (!glob) continue;
    ++compiled;
    const bool expected = NaiveGlob::match(pattern, topic);
    ASSERT_EQ(glob->match(topic), expected) << pattern << " against " << topic;
    ASSERT_EQ(glob->match_and_count(topic).first, expected);
    matched += expected ? 1 : 0;
  }
  EXPECT_GT(compiled, 20'000);
  EXPECT_GT(matched, 2'000);
}

std::string repeat(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST(Glob, NeverTakesMoreStepsThanPatternTimesTopic) {
  const std::pair<std::string, std::string> adversaries[] = {
      {"**." + repeat("a.", 100) + "b", repeat("a.", 2000) + "a"},
      {repeat("**.a.", 100) + "b", repeat("a.", 2000) + "a"},
      {repeat("**.a*a.", 100) + "b", repeat("aaaa.", 1000) + "a"},
      {repeat("a*", 300) + "b", std::string(4000, 'a')},
      {"**." + repeat("a*", 300) + "b.**.c", repeat("aaaaaaaaa.", 400) + "a"},
      {repeat("*.", 300) + "b", repeat("a.", 2000) + "a"},
      {"**.*." + repeat("*.", 100) + "b", repeat(".", 4000)},
  };
  for (const auto& [pattern, topic] : adversaries) {
    const Glob glob = *Glob::compile(pattern);
    const auto [matched, steps] = glob.match_and_count(topic);
    EXPECT_FALSE(matched);
    EXPECT_LE(steps, 2 * (pattern.size() + 1) * (topic.size() + 1)) << pattern.substr(0, 20);
  }
}

TEST(Glob, NeverTakesMoreStepsThanPatternTimesTopicOnRandomInput) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 100'000; ++i) {
    const std::string pattern = random_text(random, "aa..**", 1 + random() % 30);
    const std::string topic = random_text(random, "aaa.", random() % 60);
    const auto glob = Glob::compile(pattern);
    if (!glob) continue;
    ASSERT_LE(glob->match_and_count(topic).second, 2 * (pattern.size() + 1) * (topic.size() + 1))
        << pattern << " against " << topic;
  }
}

class Labels {
 public:
  explicit Labels(std::map<std::string, std::string, std::less<>> labels)
      : labels_(std::move(labels)) {}
  std::optional<std::string_view> operator()(std::string_view name) const {
    const auto at = labels_.find(name);
    if (at == labels_.end()) return std::nullopt;
    return at->second;
  }

 private:
  std::map<std::string, std::string, std::less<>> labels_;
};

bool labels_match(std::vector<LabelMatcher::Condition> conditions, const Labels& labels) {
  return LabelMatcher::compile(std::move(conditions))->match(labels);
}

TEST(LabelMatcher, AsksForEveryCondition) {
  const Labels labels({{"team", "payments"}, {"region", "eu-west"}});
  EXPECT_TRUE(labels_match({}, labels));
  EXPECT_TRUE(labels_match({{"team", "payments"}}, labels));
  EXPECT_TRUE(labels_match({{"team", "payments"}, {"region", "eu-west"}}, labels));
  EXPECT_FALSE(labels_match({{"team", "payments"}, {"region", "us"}}, labels));
  EXPECT_FALSE(labels_match({{"host", "a"}}, labels));
}

TEST(LabelMatcher, LetsAStarStandForAnyRunOfBytes) {
  const Labels labels({{"host", "db1.internal"}, {"empty", ""}});
  EXPECT_TRUE(labels_match({{"host", "db*.internal"}}, labels));
  EXPECT_TRUE(labels_match({{"host", "*"}}, labels)) << "dots included";
  EXPECT_TRUE(labels_match({{"host", "**1**"}}, labels));
  EXPECT_FALSE(labels_match({{"host", "db*.external"}}, labels));
  EXPECT_TRUE(labels_match({{"empty", ""}}, labels));
  EXPECT_TRUE(labels_match({{"empty", "*"}}, labels));
  EXPECT_FALSE(labels_match({{"absent", "*"}}, labels)) << "it must be there";
}

TEST(LabelMatcher, RefusesNamesThatAreEmptyOrRepeated) {
  EXPECT_FALSE(LabelMatcher::compile({{"", "a"}}));
  const auto repeated = LabelMatcher::compile({{"team", "a"}, {"team", "b"}});
  ASSERT_FALSE(repeated);
  EXPECT_EQ(repeated.error().where, "team");
  EXPECT_FALSE(LabelMatcher::compile({{"team", std::string(1025, 'a')}}));
  std::vector<LabelMatcher::Condition> many;
  for (int i = 0; i < 65; ++i) many.emplace_back("label" + std::to_string(i), "x");
  EXPECT_FALSE(LabelMatcher::compile(many));
}

}  // namespace
}  // namespace tocsin::policy
