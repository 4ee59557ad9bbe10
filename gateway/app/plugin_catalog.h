#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/component.h"
#include "gateway/app/template_options.h"
#include "gateway/app/template_parts.h"
#include "gateway/config/component_catalog.h"
#include "gateway/plugin/libraries.h"
#include "gateway/script/scripts.h"

namespace tocsin::app {

/// What a configuration may name: the components built in, and the plugins of `gateway.plugin_path`
/// and of the folders beside the binary, shared objects and scripts. An output's options are joined
/// by `delivery`, which is the gateway's. Made and used on the construction thread, then read by
/// others; lives as long as the process, like the code of the plugins.
class PluginCatalog final : public config::ComponentCatalog {
 public:
  PluginCatalog();
  /// Of these folders alone.
  explicit PluginCatalog(std::vector<std::string> folders);
  ~PluginCatalog() override;

  /// Takes `gateway.plugin_path` from the tree; relative folders start at the configuration's.
  /// And takes the parts of `templates`.
  void prepare(const config::Node& root, const config::Environment& environment,
               config::SourceFiles& sources, config::Diagnostics& faults) override;
  std::vector<std::string> preset_folders(const config::Node& root) const override;
  const OptionTable* find(std::string_view kind, std::string_view name) const override;
  std::string refusal(std::string_view kind, std::string_view name) const override;
  std::vector<std::string_view> names(std::string_view kind) const override;
  std::optional<config::TemplateFault> template_fault(std::string_view kind,
                                                      const config::Node& component,
                                                      std::string_view text) const override;

  /// The library of a component that find() knows and that is no built-in.
  const plugin::Library& library(plugin::Kind kind, std::string_view name) const;
  plugin::Libraries& libraries() const { return *libraries_; }
  /// The same of a script; kNotFound: it is none.
  Result<std::shared_ptr<const script::Script>> script(plugin::Kind kind,
                                                       std::string_view name) const;
  script::Scripts& scripts() const { return *scripts_; }
  /// What the configuration that was prepared last says of all templates.
  const templates::SettingsPtr& templates() const { return parts_.settings(); }
  /// The code of a component that find() knows and that is no built-in.
  PluginCode code(plugin::Kind kind, std::string_view name) const;

 private:
  struct OutputTable {
    std::vector<Option> options;
    OptionTable table;
    OutputTemplateOptions templates;
  };
  /// The options of a plugin, or why it cannot be used; kNotFound: there is none.
  Result<const OptionTable*> options(plugin::Kind kind, std::string_view name) const;
  const OptionTable* output_table(const OptionTable& own, bool by_topic) const;
  void open(std::vector<std::string> folders);

  std::unique_ptr<plugin::Libraries> libraries_;
  std::unique_ptr<script::Scripts> scripts_;
  mutable std::map<const OptionTable*, OutputTable> output_tables_;
  TemplateParts parts_;
};

/// Where plugins are looked for behind `gateway.plugin_path`: `plugins` beside the binary, as a
/// build leaves it, and ../lib/tocsin/plugins, as a package does; those of them that there are.
std::vector<std::string> default_plugin_path();

/// Where presets are looked for behind `gateway.preset_path` and the folder `presets` beside the
/// configuration: `presets` beside the binary, and ../share/tocsin/presets; those that there are.
std::vector<std::string> default_preset_path();

/// Where scripts find the modules tocsin.NAME: the folder `tocsin` in each of those.
std::vector<std::string> script_library_path();

}  // namespace tocsin::app
