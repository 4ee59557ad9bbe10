#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/plugin/library.h"

namespace tocsin::plugin {

/// The plugins of the folders of `plugin_path`: files named <kind>_<name>.so. A file is loaded when
/// somebody asks for it, and once; in a child process first, since its constructors run then and
/// may crash or exit. Control thread. Made once for the process and never destroyed before the last
/// instance.
class Libraries {
 public:
  /// What a folder holds under a plugin's name, loaded or not.
  struct Found {
    Kind kind;
    std::string name;
    std::string path;
  };
  static constexpr std::size_t kFilesMax = 1024;  ///< of all folders; others are not seen
  /// How long the trial of loading one file may take.
  static constexpr Duration kLoadTrialMax = std::chrono::seconds(10);

  /// Reads the folders' file names; one that cannot be read holds nothing and is in `unreadable`.
  Libraries(std::vector<std::string> folders, TableInspector inspect,
            Duration patience = kLoadTrialMax);

  /// The library that is `kind` `name`. kNotFound: no folder has such a file; else the sentence
  /// says why it was refused, the same each time.
  Result<const Library*> find(Kind kind, std::string_view name);

  /// All files, sorted by kind and name.
  const std::vector<Found>& files() const { return files_; }
  const std::vector<std::string>& folders() const { return folders_; }
  /// A sentence for each folder that could not be read.
  const std::vector<std::string>& unreadable() const { return unreadable_; }

 private:
  using Name = std::pair<Kind, std::string>;

  Result<const Library*> load(Kind kind, std::string_view name);
  Result<void> try_loading(const Found& file);
  void read_folder(const std::string& folder);

  std::vector<std::string> folders_;
  TableInspector inspect_;
  Duration patience_;
  std::vector<Found> files_;
  std::vector<std::string> unreadable_;
  std::vector<std::unique_ptr<Library>> libraries_;
  std::map<Name, const Library*> provided_;
  std::map<Name, Result<const Library*>> answers_;
};

}  // namespace tocsin::plugin
