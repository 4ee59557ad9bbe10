#include "gateway/app/plugin_catalog.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "gateway/config/validation.h"

namespace tocsin::app {
namespace {

config::Node written(std::string text) {
  config::Node node;
  node.kind = config::Node::Kind::kScalar;
  node.text = std::move(text);
  node.place = {std::make_shared<const std::string>("t.yaml"), 2, 5};
  return node;
}

// What the validator says of `output: <name>` with a folder that holds one file that is no plugin.
std::string complaint_about(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tocsin-catalog-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "output_torn.so") << "not ELF";
  const PluginCatalog catalog(std::vector<std::string>{folder.string()});
  static constexpr Option kOptions[] = {
      {.key = "output", .type = OptionType::kPlugin, .doc = "One.", .plugin_kind = "output"}};
  static constexpr OptionTable kTable = {"file", "A file.", kOptions, {}, {}};
  config::Node root;
  root.kind = config::Node::Kind::kMap;
  root.entries.push_back({"output", {}, written(name)});
  const auto checked = config::validate(root, kTable, catalog);
  std::filesystem::remove_all(folder);
  if (checked) return "";
  const config::Diagnostic& fault = checked.error().front();
  std::string text = fault.place.text() + ": " + fault.message;
  if (const auto at = text.find(folder.string()); at != std::string::npos) {
    text.replace(at, folder.string().size(), "FOLDER");
  }
  return text + (fault.hint.empty() ? "" : "; " + fault.hint);
}

TEST(PluginCatalog, ARefusedPluginIsReportedWithTheReasonWhereItIsNamed) {
  EXPECT_EQ(
      complaint_about("torn"),
      "t.yaml:2:5: the output \"torn\" cannot be used: FOLDER/output_torn.so: it is no shared "
      "object");
}

TEST(PluginCatalog, AnUnknownPluginIsAnsweredWithTheNamesThatThereAre) {
  EXPECT_EQ(complaint_about("tron"), "t.yaml:2:5: there is no output \"tron\"; did you mean torn?");
}

TEST(PluginCatalog, ShowsBuiltInComponentsToo) {
  const PluginCatalog catalog(std::vector<std::string>{});
  EXPECT_NE(catalog.find("http_filter", "access_log"), nullptr);
  EXPECT_EQ(catalog.names("http_filter"),
            (std::vector<std::string_view>{"access_log", "request_id"}));
  EXPECT_EQ(catalog.find("pudding", "x"), nullptr);
}

}  // namespace
}  // namespace tocsin::app
