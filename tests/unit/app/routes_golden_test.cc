// `tocsin explain` of every event in golden/explain/ and `tocsin routes test` of every suite in
// golden/suites/, compared to the letter with the .txt beside them. After a deliberate change of
// wording run the test once with TOCSIN_GOLDEN_UPDATE=1 and read the difference: somebody who was
// woken up will.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gateway/app/command_explain.h"
#include "gateway/app/command_routes.h"
#include "gateway/app/route_suite.h"
#include "gateway/base/json_reader.h"
#include "tests/unit/app/test_plugins_environment.h"

namespace tocsin::app {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(TOCSIN_SOURCE_DIR) / "tests/unit/app/golden";

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> names_of(const char* folder, const char* extension) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kGolden / folder)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void expect_golden(const std::string& text, const fs::path& path) {
  const char* update = std::getenv("TOCSIN_GOLDEN_UPDATE");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream(path, std::ios::binary) << text;
  }
  EXPECT_EQ(text, text_of(path));
}

std::string shown(const CommandOutput& output) {
  return output.err + output.out + "exit code " + std::to_string(output.exit_code) + "\n";
}

class GoldenTest : public testing::TestWithParam<std::string> {
 protected:
  // Messages name files as they were given, so they are given relative to one place.
  static void enter(const char* folder) { fs::current_path(kGolden / folder); }

  const TestPluginsEnvironment environment{TOCSIN_TEST_PLUGINS "/routes"};
};

class ExplainGolden : public GoldenTest {
 protected:
  CommandOutput ask(bool json) {
    const std::string path = GetParam() + ".json";
    return explain({.config_path = "../tocsin.yaml",
                    .event_path = path,
                    .event = text_of(path),
                    .now = kSuiteNow,
                    .json = json},
                   environment);
  }
};

TEST_P(ExplainGolden, SaysExactlyThis) {
  enter("explain");
  expect_golden(shown(ask(false)), GetParam() + ".txt");
}

TEST_P(ExplainGolden, TellsProgramsTheSame) {
  enter("explain");
  const CommandOutput people = ask(false);
  const CommandOutput programs = ask(true);
  EXPECT_EQ(programs.exit_code, people.exit_code);
  const auto answer = read_json(programs.out);
  ASSERT_TRUE(answer) << programs.out;
  std::string outcome = answer->string("outcome");
  std::replace(outcome.begin(), outcome.end(), '_', ' ');
  if (outcome != "invalid") {
    EXPECT_NE(people.out.find("\n" + outcome), std::string::npos) << outcome;
  }
}

INSTANTIATE_TEST_SUITE_P(Events, ExplainGolden, testing::ValuesIn(names_of("explain", ".json")),
                         [](const auto& tested) { return tested.param; });

class SuiteGolden : public GoldenTest {};

TEST_P(SuiteGolden, SaysExactlyThis) {
  enter("suites");
  const ManualClock clock;
  const fs::path junit = fs::path(testing::TempDir()) /
                         ("tocsin-" + std::to_string(::getpid()) + "-" + GetParam() + ".xml");
  const CommandOutput output =
      test_routes({.suites = {GetParam() + ".yaml"}, .junit_path = junit.string(), .clock = clock},
                  environment);
  expect_golden(shown(output), GetParam() + ".txt");
  expect_golden(text_of(junit), GetParam() + ".xml");
  fs::remove(junit);
}

INSTANTIATE_TEST_SUITE_P(Suites, SuiteGolden, testing::ValuesIn(names_of("suites", ".yaml")),
                         [](const auto& tested) { return tested.param; });

TEST(RoutesGoldenFiles, NoneIsOrphaned) {
  const auto events = names_of("explain", ".json");
  for (const std::string& name : names_of("explain", ".txt")) {
    EXPECT_EQ(std::count(events.begin(), events.end(), name), 1) << name;
  }
  const auto suites = names_of("suites", ".yaml");
  for (const char* extension : {".txt", ".xml"}) {
    for (const std::string& name : names_of("suites", extension)) {
      EXPECT_EQ(std::count(suites.begin(), suites.end(), name), 1) << name;
    }
  }
}

}  // namespace
}  // namespace tocsin::app
