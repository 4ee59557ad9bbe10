#include "gateway/app/route_suite.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

RouteSuite suite_of(const std::string& text) {
  config::MemoryEnvironment environment;
  environment.files["in/suite.yaml"] = text;
  environment.files["in/events/a.json"] = R"({"topic": "a"})";
  auto suite = load_route_suite("in/suite.yaml", environment);
  EXPECT_TRUE(suite) << suite.error().diagnostics.front().message;
  return std::move(*suite);
}

TEST(RouteSuite, ReadsEventsAsJson) {
  const RouteSuite suite = suite_of(
      "cases:\n"
      "  - name: one\n"
      "    event: {topic: a, labels: {host: \"7\"}, data: [1, 2.5, true, null, \"x\"]}\n"
      "    expect: {unrouted: true}\n");
  EXPECT_EQ(suite.cases.at(0).steps.at(0).event,
            R"({"topic":"a","labels":{"host":"7"},"data":[1,2.5,true,null,"x"]})");
  EXPECT_EQ(suite.config_path, "");
  EXPECT_EQ(suite.cases[0].now, kSuiteNow);
}

TEST(RouteSuite, FindsFilesBesideItself) {
  const RouteSuite suite = suite_of(
      "config: ../tocsin.yaml\n"
      "cases: [{name: one, file: events/a.json, expect: {unrouted: true}}]\n");
  EXPECT_EQ(suite.config_path, "in/../tocsin.yaml");
  EXPECT_EQ(suite.cases.at(0).steps.at(0).event, R"({"topic": "a"})");
}

TEST(RouteSuite, KnowsWhereAPartOfAnEventIsWritten) {
  const RouteSuite suite = suite_of(
      "cases:\n"
      "  - name: one\n"
      "    event:\n"
      "      topic: a\n"
      "      to: [\"email:a@b.example\",\n"
      "           nobody]\n"
      "      labels: {a/b: 7}\n"
      "    expect: {unrouted: true}\n");
  const SuiteStep& step = suite.cases.at(0).steps.at(0);
  EXPECT_EQ(place_in_event(step, "/to/1").text(), "in/suite.yaml:6:12");
  EXPECT_EQ(place_in_event(step, "/labels/a~1b").text(), "in/suite.yaml:7:21");
  EXPECT_EQ(place_in_event(step, "/labels/none").text(), "in/suite.yaml:7:15");
  EXPECT_EQ(place_in_event(step, "/to/9").text(), "in/suite.yaml:5:11");
  EXPECT_EQ(place_in_event(step, "").line, 4U);
}

}  // namespace
}  // namespace tocsin::app
