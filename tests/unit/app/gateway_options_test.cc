#include "gateway/app/gateway_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "gateway/app/command_check.h"
#include "gateway/app/load_gateway.h"
#include "gateway/config/dump.h"
#include "gateway/config/validation.h"

namespace tocsin::app {
namespace {

const std::filesystem::path kSource = TOCSIN_SOURCE_DIR;

TEST(GatewayOptions, HaveNoMistakes) {
  EXPECT_EQ(config::table_mistakes(gateway_options()), std::vector<std::string>());
  for (const std::string_view name : built_in_components().names("http_filter")) {
    const OptionTable* table = built_in_components().find("http_filter", name);
    EXPECT_EQ(config::table_mistakes(*table), std::vector<std::string>());
    EXPECT_EQ(table->name, name);
  }
  EXPECT_EQ(built_in_components().find("output", "access_log"), nullptr);
}

// All settings as text, routes aside, sorted; and which of them nobody wrote.
std::vector<std::string> settings_of(const config::LoadedConfig& loaded, std::string& unwritten) {
  std::string dump;
  config::append_dump(dump, loaded.root, gateway_options(), PluginCatalog(), false);
  std::vector<std::string> lines;
  std::istringstream stream(dump);
  for (std::string line; std::getline(stream, line);) {
    if (line.find(".routes[") != std::string::npos) continue;
    const std::size_t mark = line.find(" (default)");
    if (mark != std::string::npos) {
      line.erase(mark);
      unwritten += line + "\n";
    }
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(DefaultConfiguration, WritesEveryKeyWithItsDefault) {
  config::MemoryEnvironment bare;
  bare.files["f"] =
      "listeners: {public: {address: \"0.0.0.0:8080\", filters: [request_id, access_log], "
      "routes: [{path: /, respond: 200}]}}\n";
  PluginCatalog catalog;
  const auto defaults = load_gateway("f", catalog, bare);
  const auto written =
      load_gateway((kSource / "conf/tocsin.yaml").string(), catalog, config::SystemEnvironment());
  ASSERT_TRUE(defaults);
  ASSERT_TRUE(written);
  std::string left_to_defaults;
  std::string left_out;
  EXPECT_EQ(settings_of(*written, left_out), settings_of(*defaults, left_to_defaults));
  EXPECT_EQ(left_out, "") << "conf/tocsin.yaml shows every key";
  EXPECT_NE(left_to_defaults, "");
}

TEST(CheckCommand, AnswersProgramsInJson) {
  config::MemoryEnvironment environment;
  environment.files["good"] =
      "listeners: {public: {address: \":8080\", routes: [{path: /, respond: 200}]}}\n";
  environment.files["bad"] = "admin: {address: \"0.0.0.0:1\"}\n";
  const CommandOutput good = check({.config_path = "good", .json = true}, environment);
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.out,
            "{\"ok\":true,\"files\":[\"good\"],\"listeners\":{\"public\":{\"address\":\":8080\","
            "\"routes\":1}},\"admin\":\"127.0.0.1:9900\"}\n");
  const CommandOutput bad = check({.config_path = "bad", .json = true}, environment);
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_EQ(bad.err, "");
  EXPECT_EQ(bad.out,
            "{\"ok\":false,\"errors\":[{\"file\":\"bad\",\"line\":1,\"column\":18,"
            "\"path\":\"admin.address\",\"message\":\"the admin address can be reached from the "
            "network, and no token guards it\",\"hint\":\"give callers a token under admin.tokens, "
            "or use a loopback address such as 127.0.0.1:9900\"}]}\n");
}

TEST(CheckCommand, ColoursOnlyWhenAsked) {
  config::MemoryEnvironment environment;
  environment.files["f"] = "x: 1\n";
  EXPECT_EQ(check({.config_path = "f"}, environment).err.find('\x1b'), std::string::npos);
  const CommandOutput output = check({.config_path = "f", .colour = true}, environment);
  EXPECT_NE(output.err.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace tocsin::app
