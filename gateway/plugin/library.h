#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/function.h"
#include "gateway/base/option.h"
#include "gateway/base/result.h"
#include "gateway/plugin/kind.h"
#include "gateway/plugin/option_tables.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// Finds mistakes in a table beyond its shape: defaults and bounds that do not parse. Those who
/// parse settings know them, and this room does not see theirs.
using TableInspector = Function<std::vector<std::string>(const OptionTable&)>;

/// One shared object that keeps the contract. Never unloaded: its code may be on any stack.
class Library {
 public:
  /// Loads `path`, whose file name says `kind` and `name`, and looks at all it declares. Runs the
  /// object's constructors and its entry. Control thread. The error is one sentence that begins
  /// with the path: kNotFound, or kInvalid with what does not fit.
  static Result<std::unique_ptr<Library>> open(const std::string& path, Kind kind,
                                               std::string_view name, TableInspector& inspect);

  /// Whether this process has loaded the file already: its constructors do not run again.
  static bool is_loaded(const std::string& path);

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const std::string& path() const { return path_; }
  /// The kind of its file's name; it may have others as well.
  Kind kind() const { return kind_; }
  bool has(Kind kind) const;
  std::string_view name() const;
  std::string_view version() const;
  std::string_view doc() const;
  const OptionTable& options() const { return options_.root(); }
  const tocsin_plugin& descriptor() const { return *descriptor_; }

 private:
  Library(std::string path, Kind kind) : path_(std::move(path)), kind_(kind) {}

  std::string path_;
  Kind kind_;
  const tocsin_plugin* descriptor_ = nullptr;
  OptionTables options_;
};

/// The descriptor itself, without a shared object around it: what a library's entry returned, or a
/// test's own. The error is a sentence without the path.
Result<void> check_descriptor(const tocsin_plugin* descriptor, Kind kind, std::string_view name);

}  // namespace tocsin::plugin
