#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/function.h"
#include "gateway/base/option.h"
#include "gateway/base/result.h"
#include "gateway/script/modules.h"
#include "gateway/script/option_reader.h"

struct lua_State;

namespace tocsin::script {

/// Finds mistakes in a table beyond its shape: defaults and bounds that do not parse. Those who
/// parse settings know them, and this room does not see theirs.
using TableInspector = Function<std::vector<std::string>(const OptionTable&)>;

/// What a script is for.
enum class Kind : std::uint8_t { kFilter, kOutput, kRoute };

/// "filter", "output", "route".
std::string_view kind_name(Kind kind);

/// 128 bits over the text and its modules': two scripts with the same one are the same script.
using ContentHash = std::array<std::uint64_t, 2>;

/// The text of one script and what it declares. Immutable; any thread, once opened.
class Script {
 public:
  /// Reads and runs a plugin: a file that returns {name=, kind=, options={...}, create=...}. What
  /// it returns must say `kind` and `name`. What it requires is looked for in `folders`. The error
  /// is one sentence that begins with the path, and with the line where there is one: kNotFound, or
  /// kInvalid.
  static Result<std::unique_ptr<Script>> open(const std::string& path, Kind kind,
                                              std::string_view name, TableInspector& inspect,
                                              const ModuleFolders& folders = {});
  /// Reads and runs a routing script: a file that returns a function, or defines one named route.
  static Result<std::unique_ptr<Script>> open_route(const std::string& path,
                                                    const ModuleFolders& folders = {});

  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  const std::string& path() const { return path_; }
  Kind kind() const { return kind_; }
  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& doc() const { return doc_; }
  const OptionTable& options() const { return options_.root(); }
  const ContentHash& hash() const { return hash_; }
  const Modules& modules() const { return *modules_; }

  /// Runs the file; what it returned is on top of the stack. May raise.
  void run(lua_State* lua) const;
  /// An error's words with the whole path where Lua wrote a file's name.
  std::string placed(std::string_view words) const;

 private:
  Script(std::string path, Kind kind, const ModuleFolders& folders);
  static Result<std::unique_ptr<Script>> read(const std::string& path, Kind kind,
                                              const ModuleFolders& folders);
  void seal();
  Result<void> declare(std::string_view name);
  static int read_declaration(lua_State* lua);
  static int read_route(lua_State* lua);

  const std::string path_;
  const std::string file_;  // the last part of the path
  const Kind kind_;
  std::string text_;
  const std::unique_ptr<Modules> modules_;
  ContentHash hash_{};
  std::string declared_kind_;
  std::string name_;
  std::string version_;
  std::string doc_;
  OptionReader options_;
};

}  // namespace tocsin::script
