#pragma once

#include <string>
#include <vector>

#include "gateway/app/command_check.h"

namespace tocsin::app {

/// What `tocsin plugins ...` was told.
struct PluginsArguments {
  std::vector<std::string> folders;  ///< empty: default_plugin_path()
  std::string kind;                  ///< show: may be empty when the name is one plugin's only
  std::string name;
  std::string into = ".";  ///< new: the folder that gets a folder for the plugin
  bool json = false;
};

/// Every plugin of the folders, the refused ones with the reason. Loads them all.
CommandOutput list_plugins(const PluginsArguments& arguments);
/// One plugin and its options. 1: there is none, or it is refused.
CommandOutput show_plugin(const PluginsArguments& arguments);
/// Writes the folder <into>/<name> with a plugin to change. 1: there is no template of that kind,
/// the folder is there already, or it cannot be written.
CommandOutput new_plugin(const PluginsArguments& arguments);

}  // namespace tocsin::app
