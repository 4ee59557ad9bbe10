#include "gateway/app/plugin_catalog.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "gateway/app/gateway_options.h"
#include "gateway/base/assert.h"
#include "gateway/config/validation.h"
#include "gateway/delivery/lane_policy.h"
#include "gateway/template/template.h"

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

Option preset_option() {
  return {.key = "preset",
          .doc =
              "A file of settings for outputs of this type, by its name without .yaml; what "
              "stands here goes before it.",
          .flags = Option::kReloadable,
          .min = "1",
          .max = "100"};
}

std::optional<script::Kind> script_kind(plugin::Kind kind) {
  if (kind == plugin::Kind::kFilter) return script::Kind::kFilter;
  if (kind == plugin::Kind::kOutput) return script::Kind::kOutput;
  return std::nullopt;
}

templates::Values values_of(const config::Node& component) {
  templates::Values values;
  const config::Node::Entry* written = component.find("values");
  if (written == nullptr) return values;
  for (const config::Node::Entry& entry : written->value.entries) {
    if (entry.value.kind == config::Node::Kind::kScalar) values[entry.key] = entry.value.text;
  }
  return values;
}

fs::path folder_of(const Place& place) {
  return place.file ? fs::path(*place.file).parent_path() : fs::path();
}

// Whatever it is called by: the same folder again would hold every plugin twice.
std::vector<std::string> each_once(std::vector<std::string> folders) {
  std::vector<std::string> kept;
  for (std::string& folder : folders) {
    const bool known = std::ranges::any_of(kept, [&folder](const std::string& other) {
      std::error_code failed;
      return fs::equivalent(folder, other, failed);
    });
    if (!known) kept.push_back(std::move(folder));
  }
  return kept;
}

}  // namespace

namespace {

// Of a folder beside the binary, as a build leaves it, and one below its prefix, as a package does.
std::vector<std::string> folders_beside_binary(const char* name, const fs::path& below_prefix) {
  std::error_code failed;
  const fs::path binary = fs::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  const fs::path folder = binary.parent_path();
  std::vector<std::string> there;
  for (const fs::path& candidate : {folder / name, folder.parent_path() / below_prefix}) {
    if (fs::is_directory(candidate, failed)) there.push_back(candidate.string());
  }
  return there;
}

}  // namespace

std::vector<std::string> default_plugin_path() {
  return folders_beside_binary("plugins", fs::path("lib") / "tocsin" / "plugins");
}

std::vector<std::string> default_preset_path() {
  return folders_beside_binary("presets", fs::path("share") / "tocsin" / "presets");
}

std::vector<std::string> script_library_path() {
  std::vector<std::string> there = default_plugin_path();
  for (std::string& folder : there) folder = (fs::path(folder) / "tocsin").string();
  return there;
}

PluginCatalog::PluginCatalog() : PluginCatalog(default_plugin_path()) {}
PluginCatalog::PluginCatalog(std::vector<std::string> folders) { open(std::move(folders)); }
PluginCatalog::~PluginCatalog() = default;

void PluginCatalog::open(std::vector<std::string> folders) {
  output_tables_.clear();
  scripts_ =
      std::make_unique<script::Scripts>(folders, config::table_mistakes, script_library_path());
  libraries_ = std::make_unique<plugin::Libraries>(std::move(folders), config::table_mistakes);
}

// Only scalars are taken; whatever else stands there is for the validation to refuse.
void PluginCatalog::prepare(const config::Node& root, const config::Environment& environment,
                            config::SourceFiles& sources, config::Diagnostics& faults) {
  parts_ = TemplateParts::read(root, environment, sources, faults);
  const config::Node::Entry* gateway = root.find("gateway");
  const config::Node::Entry* path =
      gateway == nullptr ? nullptr : gateway->value.find("plugin_path");
  if (path == nullptr) return;
  std::vector<std::string> folders;
  for (const config::Node& item : path->value.items) {
    if (item.kind != config::Node::Kind::kScalar || item.text.empty()) continue;
    std::string folder = (folder_of(item.place) / item.text).lexically_normal().string();
    std::error_code failed;
    if (!fs::is_directory(folder, failed)) {
      faults.push_back({item.place, "gateway.plugin_path", "there is no folder " + folder,
                        "relative folders start where the configuration file is"});
    }
    folders.push_back(std::move(folder));
  }
  for (std::string& folder : default_plugin_path()) folders.push_back(std::move(folder));
  open(each_once(std::move(folders)));
}

std::vector<std::string> PluginCatalog::preset_folders(const config::Node& root) const {
  std::vector<std::string> folders;
  const config::Node::Entry* gateway = root.find("gateway");
  const config::Node::Entry* path =
      gateway == nullptr ? nullptr : gateway->value.find("preset_path");
  if (path != nullptr) {
    for (const config::Node& item : path->value.items) {
      if (item.kind != config::Node::Kind::kScalar || item.text.empty()) continue;
      folders.push_back((folder_of(item.place) / item.text).lexically_normal().string());
    }
  }
  folders.push_back((folder_of(root.place) / "presets").string());
  for (std::string& folder : default_preset_path()) folders.push_back(std::move(folder));
  return folders;
}

Result<std::shared_ptr<const script::Script>> PluginCatalog::script(plugin::Kind kind,
                                                                    std::string_view name) const {
  const std::optional<script::Kind> known = script_kind(kind);
  if (!known) return fail(Code::kNotFound, "scripts are of other kinds");
  return scripts_->find(*known, name);
}

Result<const OptionTable*> PluginCatalog::options(plugin::Kind kind, std::string_view name) const {
  const Result<const plugin::Library*> library = libraries_->find(kind, name);
  const auto script = this->script(kind, name);
  const bool is_compiled = library || library.error().code != Code::kNotFound;
  const bool is_script = script || script.error().code != Code::kNotFound;
  if (is_compiled && is_script) {
    return fail(Code::kExists, std::string(plugin::kind_name(kind)) + " " + std::string(name) +
                                   " is there twice: as a shared object and as a script");
  }
  if (is_script && !script) return tl::unexpected(script.error());
  if (!is_script && !library) return tl::unexpected(library.error());
  const OptionTable& own = is_script ? (*script)->options() : (*library)->options();
  return kind == plugin::Kind::kOutput ? output_table(own, !is_script) : &own;
}

const OptionTable* PluginCatalog::find(std::string_view kind, std::string_view name) const {
  if (const OptionTable* built_in = built_in_components().find(kind, name)) return built_in;
  const auto plugin_kind = plugin::parse_kind(kind);
  if (!plugin_kind) return nullptr;
  return options(*plugin_kind, name).value_or(nullptr);
}

std::string PluginCatalog::refusal(std::string_view kind, std::string_view name) const {
  const auto plugin_kind = plugin::parse_kind(kind);
  if (!plugin_kind) return {};
  const Result<const OptionTable*> found = options(*plugin_kind, name);
  return found || found.error().code == Code::kNotFound ? std::string() : found.error().text();
}

std::vector<std::string_view> PluginCatalog::names(std::string_view kind) const {
  std::vector<std::string_view> names = built_in_components().names(kind);
  for (const plugin::Libraries::Found& file : libraries_->files()) {
    if (plugin::kind_name(file.kind) != kind) continue;
    if (std::find(names.begin(), names.end(), file.name) == names.end()) {
      names.emplace_back(file.name);
    }
  }
  for (const script::Scripts::Found& file : scripts_->files()) {
    if (script::kind_name(file.kind) != kind) continue;
    if (std::find(names.begin(), names.end(), file.name) == names.end()) {
      names.emplace_back(file.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<config::TemplateFault> PluginCatalog::template_fault(std::string_view kind,
                                                                   const config::Node& component,
                                                                   std::string_view text) const {
  templates::Rules rules = templates::rules_of(templates().get(), templates::Escape::kNone);
  rules.of_delivery = kind == "output";
  const templates::Values values = values_of(component);
  if (rules.of_delivery) rules.values = &values;
  auto compiled = templates::Template::compile(text, rules);
  if (compiled) return std::nullopt;
  templates::TextFault& fault = compiled.error();
  const TemplateParts::Part* part = fault.part.empty() ? nullptr : parts_.find(fault.part);
  return config::TemplateFault{fault.offset, std::move(fault.what),
                               part == nullptr ? nullptr : &part->node,
                               part != nullptr && part->is_file};
}

PluginCode PluginCatalog::code(plugin::Kind kind, std::string_view name) const {
  if (auto found = script(kind, name)) return {nullptr, std::move(*found)};
  return {&library(kind, name).descriptor(), nullptr};
}

const plugin::Library& PluginCatalog::library(plugin::Kind kind, std::string_view name) const {
  const Result<const plugin::Library*> library = libraries_->find(kind, name);
  TOCSIN_ASSERT(library.has_value(), "a component was validated and is gone");
  return **library;
}

const OptionTable* PluginCatalog::output_table(const OptionTable& own, bool by_topic) const {
  const auto [place, is_new] = output_tables_.try_emplace(&own);
  OutputTable& made = place->second;
  if (is_new) {
    made.options.assign(own.options.begin(), own.options.end());
    made.options.push_back(delivery_option());
    made.options.push_back(preset_option());
    if (by_topic && made.templates.make(own)) {
      made.options.push_back(made.templates.option());
      made.options.push_back(output_values_option());
    }
    made.table = own;
    made.table.options = made.options;
  }
  return &made.table;
}

}  // namespace tocsin::app
