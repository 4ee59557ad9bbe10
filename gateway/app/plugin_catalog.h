#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/component_catalog.h"
#include "gateway/plugin/libraries.h"

namespace tocsin::app {

/// Where plugins are looked for unless a configuration or a command says otherwise: the folder
/// `plugins` beside this binary, else /usr/lib/tocsin/plugins.
std::vector<std::string> default_plugin_path();

/// Built-in components and the plugins of some folders, which look the same from here on. Plugins
/// are loaded when they are asked for. Control thread.
class PluginCatalog final : public config::ComponentCatalog {
 public:
  explicit PluginCatalog(std::vector<std::string> folders);

  const OptionTable* find(std::string_view kind, std::string_view name) const override;
  std::vector<std::string_view> names(std::string_view kind) const override;
  std::string refusal(std::string_view kind, std::string_view name) const override;

  plugin::Libraries& libraries() const { return libraries_; }

 private:
  // Asking loads.
  mutable plugin::Libraries libraries_;
};

}  // namespace tocsin::app
