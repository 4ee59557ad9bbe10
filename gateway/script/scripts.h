#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/script/script.h"

namespace tocsin::script {

/// The plugins of the folders of `plugin_path` that are scripts: files named <kind>_<name>.lua. A
/// file is read when somebody asks for it, and once. Control thread.
class Scripts {
 public:
  /// What a folder holds under a plugin's name, read or not.
  struct Found {
    Kind kind;
    std::string name;
    std::string path;
  };
  static constexpr std::size_t kFilesMax = 1024;  ///< of all folders; others are not seen

  /// Folders that cannot be read hold nothing. `library` are those of the modules tocsin.NAME; all
  /// other modules are looked for beside the script, then in `folders`.
  Scripts(std::vector<std::string> folders, TableInspector inspect,
          std::vector<std::string> library = {});

  /// The script that is `kind` `name`. kNotFound: no folder has such a file; else the sentence says
  /// why it was refused, the same each time.
  Result<std::shared_ptr<const Script>> find(Kind kind, std::string_view name);

  /// All files, sorted by kind and name.
  const std::vector<Found>& files() const { return files_; }
  /// Where scripts find what they require, routing scripts as well.
  const ModuleFolders& module_folders() const { return module_folders_; }

 private:
  using Name = std::pair<Kind, std::string>;

  Result<std::shared_ptr<const Script>> load(Kind kind, std::string_view name);

  TableInspector inspect_;
  const ModuleFolders module_folders_;
  std::vector<Found> files_;
  std::map<Name, Result<std::shared_ptr<const Script>>> answers_;
};

}  // namespace tocsin::script
