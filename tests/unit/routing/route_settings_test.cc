#include <gtest/gtest.h>

#include "gateway/routing/route.h"
#include "tests/unit/routing/route_values.h"

namespace tocsin::routing {
namespace {

using message::Level;
using message::Notification;

constexpr std::string_view kOutputs[] = {"chat", "mail", "archive"};

class RouteSettings : public ::testing::Test {
 protected:
  std::vector<Route> good(const std::vector<RouteValues::Written>& written) {
    auto routes = build_routes(values_.list(written), kOutputs);
    if (!routes) ADD_FAILURE() << routes.error()[0].message;
    return routes ? std::move(*routes) : std::vector<Route>();
  }

  /// "line: path: message; hint" for each fault.
  std::vector<std::string> faults(const std::vector<RouteValues::Written>& written) {
    std::vector<std::string> texts;
    const auto routes = build_routes(values_.list(written), kOutputs);
    if (routes) return texts;
    for (const RouteFault& fault : routes.error()) {
      texts.push_back(fault.place.text() + ": " + fault.path + ": " + fault.message + "; " +
                      fault.hint);
    }
    return texts;
  }

  using Texts = std::vector<std::string>;
  RouteValues values_;
};

TEST_F(RouteSettings, BuildEveryCondition) {
  const auto routes = good({{{{"min_level", "warn"},
                              {"topic", values_.texts({"orders.*", "shop.**"})},
                              {"labels", values_.labels({{"team", "pay*"}})},
                              {"key", "k-*"}},
                             {"mail", "chat"},
                             true}});
  ASSERT_EQ(routes.size(), 1U);
  const Route& route = routes[0];
  EXPECT_EQ(route.name, "routes[0]");
  EXPECT_EQ(route.place.line, 1U);
  EXPECT_EQ(route.outputs, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_TRUE(route.goes_on);

  const message::Label team{"team", "payments"};
  Notification n;
  n.topic = "shop.eu.x";
  n.level = Level::kWarning;
  n.labels = {&team, 1};
  n.key = "k-a.b";
  EXPECT_TRUE(route.match.takes(n));
  n.level = Level::kNotice;
  EXPECT_FALSE(route.match.takes(n));
  n.level = Level::kEmergency;
  n.key = "";
  EXPECT_FALSE(route.match.takes(n));
  n.key = "k-";
  EXPECT_TRUE(route.match.takes(n));
  n.labels = {};
  EXPECT_FALSE(route.match.takes(n));
  n.labels = {&team, 1};
  n.topic = "orders.eu.x";
  EXPECT_FALSE(route.match.takes(n));
}

TEST_F(RouteSettings, TakeOneTopicWithoutAList) {
  const auto routes = good({{{{"topic", "orders.*"}}, {"chat"}}, {{{"level", "fatal"}}, {"mail"}}});
  EXPECT_EQ(routes[0].match.topics.size(), 1U);
  EXPECT_EQ(routes[1].match.level, Level::kCritical);
}

TEST_F(RouteSettings, MayGiveAPriority) {
  const auto routes = good({{{{"topic", "a"}}, {"chat"}, false, "critical"},
                            {{{"topic", "b"}}, {"chat"}, false, "normal"},
                            {{}, {"mail"}}});
  EXPECT_EQ(routes[0].priority, message::DeliveryClass::kCritical);
  EXPECT_EQ(routes[1].priority, message::DeliveryClass::kNormal);
  EXPECT_EQ(routes[2].priority, std::nullopt);
}

TEST_F(RouteSettings, WithoutConditionsTakeAll) {
  Notification n;
  n.topic = "x";
  EXPECT_TRUE(good({{{}, {"chat"}}})[0].match.takes(n));
}

TEST_F(RouteSettings, SuggestTheOutputThatWasMeant) {
  EXPECT_EQ(faults({{{}, {"chta"}}}),
            Texts{"t.yaml:1:5: routes[0].outputs[0]: there is no output \"chta\"; did you mean "
                  "\"chat\"?"});
  EXPECT_EQ(faults({{{}, {"chat", "pager"}}}),
            Texts{"t.yaml:2:5: routes[0].outputs[1]: there is no output \"pager\"; the outputs are "
                  "\"chat\", \"mail\" and \"archive\""});
}

TEST_F(RouteSettings, NameEveryFaultWithItsPlace) {
  EXPECT_EQ(
      faults({{{{"topic", "a..b"}}, {"chat", "chat"}},
              {{{"topic", values_.texts({"ok", "x**"}, 2)}}, {"mail"}},
              {{{"topic", std::int64_t{7}}}, {"mail"}},
              {{{"topic", values_.texts({})}}, {"mail"}},
              {{{"min_level", "info"}, {"level", "error"}}, {"mail"}}}),
      (Texts{
          "t.yaml:1:5: routes[0].match.topic: a segment of a topic pattern must not be empty; look "
          "at its column 3",
          "t.yaml:1:5: routes[0].outputs[1]: the output \"chat\" is in this list twice; once is "
          "enough",
          "t.yaml:2:9: routes[1].match.topic[1]: ** must stand alone between dots; look at its "
          "column 2",
          "t.yaml:3:5: routes[2].match.topic: expected a topic pattern, or a list of them; write "
          "it as text in quotes, as in \"orders.*\"",
          "t.yaml:4:5: routes[3].match.topic: an empty list matches nothing; name a pattern, or "
          "remove the key to take every topic",
          "t.yaml:5:5: routes[4].match.level: level and min_level exclude each other; keep the one "
          "that is meant",
      }));
}

TEST_F(RouteSettings, RefuseARouteThatNothingReaches) {
  EXPECT_EQ(
      faults({{{{"topic", "**"}, {"min_level", "trace"}}, {"chat"}}, {{{"topic", "a"}}, {"mail"}}}),
      Texts{"t.yaml:2:5: routes[1]: no notification reaches this route; the route at "
            "t.yaml:1:5 takes all: move it to the end"});
  EXPECT_EQ(faults({{{}, {"chat"}, true}, {{{"topic", "a"}}, {"mail"}}}), Texts{});
  EXPECT_EQ(faults({{{{"min_level", "debug"}}, {"chat"}}, {{}, {"mail"}}}), Texts{});
}

TEST(RouteOptions, AreDocumentedKeyByKey) {
  for (const Option& option : route_options().options) {
    EXPECT_FALSE(option.doc.empty()) << option.key;
    if (option.table == nullptr) continue;
    for (const Option& inner : option.table->options) EXPECT_FALSE(inner.doc.empty()) << inner.key;
  }
}

}  // namespace
}  // namespace tocsin::routing
