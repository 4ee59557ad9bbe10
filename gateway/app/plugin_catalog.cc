#include "gateway/app/plugin_catalog.h"

#include <algorithm>
#include <filesystem>

#include "gateway/app/gateway_options.h"
#include "gateway/base/assert.h"
#include "gateway/config/validation.h"
#include "gateway/delivery/lane_policy.h"

namespace tocsin::app {

namespace {

namespace fs = std::filesystem;

Option delivery_option() {
  return {.key = "delivery",
          .type = OptionType::kTable,
          .doc = "How the gateway delivers to this output.",
          .default_text = "{}",
          .flags = Option::kReloadable,
          .table = &delivery::delivery_options()};
}

std::unique_ptr<plugin::Libraries> open_libraries(std::vector<std::string> folders) {
  return std::make_unique<plugin::Libraries>(std::move(folders), config::table_mistakes);
}

}  // namespace

std::vector<std::string> default_plugin_path() {
  std::error_code failed;
  const fs::path binary = fs::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  const fs::path folder = binary.parent_path();
  std::vector<std::string> there;
  for (const fs::path& candidate :
       {folder / "plugins", folder.parent_path() / "lib" / "tocsin" / "plugins"}) {
    if (fs::is_directory(candidate, failed)) there.push_back(candidate.string());
  }
  return there;
}

PluginCatalog::PluginCatalog() : PluginCatalog(default_plugin_path()) {}
PluginCatalog::PluginCatalog(std::vector<std::string> folders)
    : libraries_(open_libraries(std::move(folders))) {}
PluginCatalog::~PluginCatalog() = default;

// Only scalars are taken; whatever else stands there is for the validation to refuse.
void PluginCatalog::prepare(const config::Node& root, config::Diagnostics& faults) {
  const config::Node::Entry* gateway = root.find("gateway");
  const config::Node::Entry* path =
      gateway == nullptr ? nullptr : gateway->value.find("plugin_path");
  if (path == nullptr) return;
  std::vector<std::string> folders;
  for (const config::Node& item : path->value.items) {
    if (item.kind != config::Node::Kind::kScalar || item.text.empty()) continue;
    const fs::path base = item.place.file ? fs::path(*item.place.file).parent_path() : fs::path();
    std::string folder = (base / item.text).lexically_normal().string();
    std::error_code failed;
    if (!fs::is_directory(folder, failed)) {
      faults.push_back({item.place, "gateway.plugin_path", "there is no folder " + folder,
                        "relative folders start where the configuration file is"});
    }
    folders.push_back(std::move(folder));
  }
  for (std::string& folder : default_plugin_path()) folders.push_back(std::move(folder));
  output_tables_.clear();
  libraries_ = open_libraries(std::move(folders));
}

const OptionTable* PluginCatalog::find(std::string_view kind, std::string_view name) const {
  if (const OptionTable* built_in = built_in_components().find(kind, name)) return built_in;
  const auto plugin_kind = plugin::parse_kind(kind);
  if (!plugin_kind) return nullptr;
  const Result<const plugin::Library*> library = libraries_->find(*plugin_kind, name);
  if (!library) return nullptr;
  return *plugin_kind == plugin::Kind::kOutput ? output_table(**library) : &(*library)->options();
}

std::string PluginCatalog::refusal(std::string_view kind, std::string_view name) const {
  const auto plugin_kind = plugin::parse_kind(kind);
  if (!plugin_kind) return {};
  const Result<const plugin::Library*> library = libraries_->find(*plugin_kind, name);
  return library || library.error().code == Code::kNotFound ? std::string()
                                                            : library.error().text();
}

std::vector<std::string_view> PluginCatalog::names(std::string_view kind) const {
  std::vector<std::string_view> names = built_in_components().names(kind);
  for (const plugin::Libraries::Found& file : libraries_->files()) {
    if (plugin::kind_name(file.kind) != kind) continue;
    if (std::find(names.begin(), names.end(), file.name) == names.end()) {
      names.emplace_back(file.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

const plugin::Library& PluginCatalog::library(plugin::Kind kind, std::string_view name) const {
  const Result<const plugin::Library*> library = libraries_->find(kind, name);
  TOCSIN_ASSERT(library.has_value(), "a component was validated and is gone");
  return **library;
}

const OptionTable* PluginCatalog::output_table(const plugin::Library& library) const {
  const auto [place, is_new] = output_tables_.try_emplace(&library);
  OutputTable& made = place->second;
  if (is_new) {
    const OptionTable& own = library.options();
    made.options.assign(own.options.begin(), own.options.end());
    made.options.push_back(delivery_option());
    made.table = own;
    made.table.options = made.options;
  }
  return &made.table;
}

}  // namespace tocsin::app
