// Every file of tests/unit/config/golden/ is checked as `tocsin check` would, and the exact output
// is compared with the .txt beside it. After a deliberate change of wording run the test once with
// TOCSIN_GOLDEN_UPDATE=1 and read the difference: an operator will.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gateway/app/command_check.h"
#include "gateway/app/gateway_options.h"
#include "gateway/app/load_gateway.h"
#include "gateway/config/dump.h"

namespace tocsin::app {
namespace {

const std::filesystem::path kGolden =
    std::filesystem::path(TOCSIN_SOURCE_DIR) / "tests/unit/config/golden";

// Real files, but variables that no machine can change.
class GoldenEnvironment final : public config::Environment {
 public:
  std::optional<std::string> variable(const std::string& name) const override {
    config::MemoryEnvironment fixed;
    fixed.variables = {{"PORT", "8080"}, {"BACKLOG", "512"},        {"WORD", "lots"},
                       {"EMPTY", ""},    {"QUOTES", "a \"b\": {c"}, {"NESTED", "${PORT} $$"}};
    return fixed.variable(name);
  }
  Result<std::string> read_file(const std::string& path, std::size_t bytes_max) const override {
    return system_.read_file(path, bytes_max);
  }
  std::vector<std::string> glob(const std::string& pattern) const override {
    return system_.glob(pattern);
  }
  std::string canonical(const std::string& path) const override { return system_.canonical(path); }

 private:
  config::SystemEnvironment system_;
};

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class ConfigGolden : public testing::TestWithParam<std::string> {
 protected:
  // Messages name files as they were given, so they are given relative to one place.
  void SetUp() override { std::filesystem::current_path(kGolden); }
};

TEST_P(ConfigGolden, SaysExactlyThis) {
  const std::string name = GetParam();
  const GoldenEnvironment environment;
  const CommandOutput output = check({.config_path = name + ".yaml"}, environment);
  std::string text = output.err + output.out;
  const bool accepted = name.find("_ok_") != std::string::npos;
  EXPECT_EQ(output.exit_code, accepted ? 0 : 1) << text;
  PluginCatalog catalog;
  if (const auto loaded = load_gateway(name + ".yaml", catalog, environment)) {
    config::append_dump(text, loaded->root, gateway_options(), catalog, true);
  }
  const char* update = std::getenv("TOCSIN_GOLDEN_UPDATE");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream(name + ".txt", std::ios::binary) << text;
  }
  EXPECT_EQ(text, text_of(name + ".txt"));
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigGolden, testing::ValuesIn(golden_names()),
                         [](const auto& tested) { return "File" + tested.param; });

// README shows a mistake and what is said of it.
TEST(ConfigGoldenFiles, ReadmeShowsWhatIsPrinted) {
  config::MemoryEnvironment environment;
  environment.files["gateway.yaml"] =
      "listeners:\n  public:\n    address: 127.0.0.1:8080\n    timeouts: {header: 10}\n";
  const CommandOutput output = check({.config_path = "gateway.yaml"}, environment);
  std::string indented;
  std::istringstream lines(output.err);
  for (std::string line; std::getline(lines, line);) indented += "    " + line + "\n";
  const std::string readme = text_of(std::filesystem::path(TOCSIN_SOURCE_DIR) / "README.md");
  EXPECT_NE(readme.find("\n" + indented), std::string::npos) << "README.md does not show:\n"
                                                             << indented;
}

TEST(ConfigGoldenFiles, AreManyAndNoneIsOrphaned) {
  const std::vector<std::string> names = golden_names();
  const auto accepted = std::count_if(names.begin(), names.end(), [](const std::string& name) {
    return name.find("_ok_") != std::string::npos;
  });
  EXPECT_GE(accepted, 20);
  EXPECT_GE(static_cast<std::ptrdiff_t>(names.size()) - accepted, 70);
  for (const auto& entry : std::filesystem::directory_iterator(kGolden)) {
    if (entry.path().extension() != ".txt") continue;
    EXPECT_TRUE(std::count(names.begin(), names.end(), entry.path().stem().string()) == 1)
        << entry.path();
  }
}

}  // namespace
}  // namespace tocsin::app
