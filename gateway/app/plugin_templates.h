#pragma once

#include <span>
#include <string_view>

namespace tocsin::app {

/// One file of a plugin to copy, from sdk/template; "example" and "Example" stand for its name.
struct PluginTemplate {
  std::string_view kind;
  std::string_view file;
  std::string_view text;
};

/// All files of all kinds, built into the binary.
std::span<const PluginTemplate> plugin_templates();

}  // namespace tocsin::app
