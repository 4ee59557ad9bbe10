#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"

struct lua_State;

namespace tocsin::script {

/// Where `require` looks for the files that scripts share.
struct ModuleFolders {
  std::vector<std::string> library;  ///< of the names tocsin.NAME, and only of them
  std::vector<std::string> others;   ///< of all other names, behind the script's own folder
};

/// The files that one script has loaded by `require`. They are read once, while the script itself
/// is read on the control thread: every state runs the same texts, and no loop touches a file.
class Modules {
 public:
  static constexpr std::size_t kFilesMax = 32;
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;  ///< of all of them
  static constexpr std::size_t kNameBytesMax = 64;

  struct Module {
    std::string path;
    std::string chunk;  ///< how errors name it: "tocsin/address.lua"
    std::string text;
  };

  Modules(ModuleFolders folders, std::string own_folder);
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;

  /// Gives a state the global function `require`. This outlives the state. May raise.
  void open(lua_State* lua);

  /// Nothing is read from now on; find() is for any thread.
  void seal() { is_sealed_ = true; }
  /// The module of this name, read now unless that was done. The error is a sentence.
  Result<const Module*> find(std::string_view name);
  /// By name.
  const std::map<std::string, Module, std::less<>>& all() const { return modules_; }

 private:
  Result<const Module*> read(std::string_view name);
  std::vector<std::string> candidates(std::string_view name, std::string_view file) const;

  const ModuleFolders folders_;
  const std::string own_folder_;
  std::map<std::string, Module, std::less<>> modules_;
  std::size_t bytes_ = 0;
  bool is_sealed_ = false;
};

/// The text of a Lua file within kScriptBytesMax. The error begins with the path: kNotFound, or
/// kInvalid.
Result<std::string> read_lua_file(const std::string& path);

}  // namespace tocsin::script
