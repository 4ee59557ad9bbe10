#include "gateway/app/plugin_catalog.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "gateway/app/gateway_options.h"
#include "gateway/config/validation.h"

namespace tocsin::app {

std::vector<std::string> default_plugin_path() {
  std::error_code error;
  const std::filesystem::path binary = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path beside = binary.parent_path() / "plugins";
  if (!error && std::filesystem::is_directory(beside, error)) return {beside.string()};
  return {"/usr/lib/tocsin/plugins"};
}

PluginCatalog::PluginCatalog(std::vector<std::string> folders)
    : libraries_(std::move(folders), config::table_mistakes) {}

const OptionTable* PluginCatalog::find(std::string_view kind, std::string_view name) const {
  if (const OptionTable* built_in = built_in_components().find(kind, name)) return built_in;
  const auto parsed = plugin::parse_kind(kind);
  if (!parsed) return nullptr;
  const auto library = libraries_.find(*parsed, name);
  return library ? &(*library)->options() : nullptr;
}

std::vector<std::string_view> PluginCatalog::names(std::string_view kind) const {
  std::vector<std::string_view> all = built_in_components().names(kind);
  for (const plugin::Libraries::Found& file : libraries_.files()) {
    if (plugin::kind_name(file.kind) == kind) all.push_back(file.name);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::string PluginCatalog::refusal(std::string_view kind, std::string_view name) const {
  const auto parsed = plugin::parse_kind(kind);
  if (!parsed) return {};
  const auto library = libraries_.find(*parsed, name);
  if (library || library.error().code == Code::kNotFound) return {};
  return library.error().what;
}

}  // namespace tocsin::app
