#include "gateway/routing/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tocsin::routing {
namespace {

using message::Label;
using message::Level;
using message::Notification;
using Indexes = std::vector<std::uint32_t>;

Route route_to(std::vector<std::uint32_t> outputs, std::vector<std::string> topics = {}) {
  Route route;
  route.outputs = std::move(outputs);
  for (const std::string& topic : topics)
    route.match.topics.push_back(*policy::Glob::compile(topic));
  return route;
}

Route going_on(Route route) {
  route.goes_on = true;
  return route;
}

Notification about(std::string_view topic) {
  Notification n;
  n.topic = topic;
  return n;
}

Indexes outputs_of(const Router& router, const Notification& n) {
  RouteResult result;
  router.route(n, result);
  return {result.outputs().begin(), result.outputs().end()};
}

std::vector<Route> some(std::initializer_list<Route> routes) { return routes; }

TEST(Router, EndsAtTheFirstRouteThatTakesIt) {
  const Router router(some({route_to({0}, {"a.*"}), route_to({1}, {"a.b"}), route_to({2})}));
  EXPECT_EQ(outputs_of(router, about("a.b")), Indexes{0});
  EXPECT_EQ(outputs_of(router, about("a")), Indexes{2});
}

TEST(Router, AsksLaterRoutesAfterContinue) {
  const Router router(some({going_on(route_to({0}, {"a.**"})), going_on(route_to({1}, {"a.b"})),
                            route_to({2}, {"a.b"}), route_to({3})}));
  EXPECT_EQ(outputs_of(router, about("a.b")), (Indexes{0, 1, 2}));
  EXPECT_EQ(outputs_of(router, about("a")), (Indexes{0, 3}));
}

TEST(Router, NamesEachOutputOnce) {
  const Router router(
      some({going_on(route_to({2, 0})), going_on(route_to({0, 1})), route_to({2})}));
  EXPECT_EQ(outputs_of(router, about("x")), (Indexes{2, 0, 1}));
}

TEST(Router, WithoutAMatchingRouteNamesNone) {
  EXPECT_EQ(outputs_of(Router({}), about("x")), Indexes{});
  EXPECT_EQ(outputs_of(Router(some({route_to({0}, {"y"})})), about("x")), Indexes{});
}

TEST(Router, SaysWhichRoutesTookIt) {
  const Router router(some({route_to({0}, {"b"}), going_on(route_to({0}, {"a"})), route_to({0})}));
  RouteResult result;
  router.route(about("a"), result);
  EXPECT_EQ(Indexes(result.routes().begin(), result.routes().end()), (Indexes{1, 2}));
}

TEST(Router, ReusesAResult) {
  const Router router(some({route_to({0, 1}, {"a"}), route_to({1}, {"b"})}));
  RouteResult result;
  for (const char* topic : {"a", "c", "b", "a"}) {
    router.route(about(topic), result);
    const Indexes fresh = outputs_of(router, about(topic));
    EXPECT_EQ(Indexes(result.outputs().begin(), result.outputs().end()), fresh) << topic;
  }
}

TEST(Router, FindsPrefixesLongerThanItFiles) {
  const Router router(some({route_to({0}, {"a.b.c.d.e.f.g.h.i.j.*"}), route_to({1}, {"a.**"})}));
  EXPECT_EQ(outputs_of(router, about("a.b.c.d.e.f.g.h.i.j.k")), Indexes{0});
  EXPECT_EQ(outputs_of(router, about("a.b.c.d.e.f.g.h.i.x.k")), Indexes{1});
}

TEST(Router, ExplainsWhatEachRouteDid) {
  Route picky = route_to({0}, {"orders.*", "shop"});
  picky.match.min_level = Level::kError;
  picky.match.labels = *policy::LabelMatcher::compile({{"team", "pay*"}, {"host", "*"}});
  picky.match.key = *policy::LabelMatcher::compile({{"key", "k*"}});
  Route exact = route_to({0});
  exact.match.level = Level::kDebug;
  const Router router(some({picky, exact, route_to({1}), route_to({2})}));

  const Label team{"team", "search"};
  Notification n = about("stock.low");
  n.level = Level::kWarning;
  n.labels = {&team, 1};
  const auto explained = router.explain(n);
  ASSERT_EQ(explained.size(), 4U);
  using Kind = RouteExplanation::Kind;
  EXPECT_EQ(explained[0].kind, Kind::kPassed);
  EXPECT_EQ(
      explained[0].reasons,
      (std::vector<std::string>{"the level warning is below error",
                                R"(the topic "stock.low" does not match "orders.*" or "shop")",
                                R"(the label "team" is "search", not "pay*")",
                                R"(there is no label "host")", "there is no key"}));
  EXPECT_EQ(explained[1].reasons, (std::vector<std::string>{"the level is warning, not debug"}));
  EXPECT_EQ(explained[2].kind, Kind::kTook);
  EXPECT_FALSE(explained[2].goes_on);
  EXPECT_EQ(explained[3].kind, Kind::kNotReached);
  n.key = "x";
  EXPECT_EQ(router.explain(n)[0].reasons.back(), R"(the key is "x", not "k*")");
}

// Routes and notifications at random, over few words, so that they often meet.
class RandomRouting {
 public:
  explicit RandomRouting(unsigned seed) : random_(seed) {}

  std::vector<Route> routes(std::size_t count) {
    std::vector<Route> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(route());
    return made;
  }

  Notification notification() {
    topic_ = words(false);
    labels_.clear();
    if (pick(2) == 0) labels_.push_back({"team", kWords[pick(4)]});
    if (pick(2) == 0) labels_.push_back({"host", kWords[pick(4)]});
    Notification n = about(topic_);
    n.labels = labels_;
    n.level = static_cast<Level>(pick(8));
    n.key = pick(2) == 0 ? kWords[pick(4)] : "";
    return n;
  }

 private:
  static constexpr std::string_view kWords[] = {"a", "b", "c", "ab"};
  static constexpr std::string_view kWild[] = {"*", "**", "a*", "*b"};

  Route route() {
    Route route = route_to({static_cast<std::uint32_t>(pick(6))});
    for (std::size_t i = pick(3); i > 0; --i) {
      route.match.topics.push_back(*policy::Glob::compile(words(true)));
    }
    std::vector<policy::LabelMatcher::Condition> labels;
    if (pick(3) == 0) labels.emplace_back("team", pick(4) == 0 ? "a*" : kWords[pick(4)]);
    if (pick(3) == 0) labels.emplace_back("host", pick(4) == 0 ? "*" : kWords[pick(4)]);
    route.match.labels = *policy::LabelMatcher::compile(std::move(labels));
    if (pick(6) == 0) route.match.key = *policy::LabelMatcher::compile({{"key", "a*"}});
    if (pick(4) == 0) route.match.min_level = static_cast<Level>(pick(8));
    route.goes_on = pick(2) == 0;
    return route;
  }

  std::string words(bool wild) {
    std::string text;
    for (std::size_t i = 1 + pick(4); i > 0; --i) {
      text += wild && pick(3) == 0 ? kWild[pick(4)] : kWords[pick(4)];
      if (i > 1) text += '.';
    }
    return text;
  }

  std::size_t pick(std::size_t below) { return random_() % below; }

  std::mt19937 random_;
  std::string topic_;
  std::vector<Label> labels_;
};

TEST(Router, DoesWhatAskingEveryRouteInTurnWouldDo) {
  RandomRouting random(5);
  for (const std::size_t count : {1U, 3U, 10U, 60U}) {
    for (int i = 0; i < 100; ++i) {
      const Router router(random.routes(count));
      for (int j = 0; j < 30; ++j) {
        const Notification n = random.notification();
        RouteResult result;
        router.route(n, result);
        const auto explained = router.explain(n);
        Indexes took;
        Indexes outputs;
        for (std::uint32_t k = 0; k < explained.size(); ++k) {
          if (explained[k].kind == RouteExplanation::Kind::kTook) took.push_back(k);
          for (const std::uint32_t output : explained[k].outputs) {
            if (std::count(outputs.begin(), outputs.end(), output) == 0) outputs.push_back(output);
          }
        }
        ASSERT_EQ(Indexes(result.routes().begin(), result.routes().end()), took) << n.topic;
        ASSERT_EQ(Indexes(result.outputs().begin(), result.outputs().end()), outputs) << n.topic;
      }
    }
  }
}

}  // namespace
}  // namespace tocsin::routing
