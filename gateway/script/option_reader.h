#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/option.h"

struct lua_State;

namespace tocsin::script {

/// Reads the options that a script declares and keeps them, texts included:
///
///   options = {
///     {key = "min", type = "choice", choices = {"low", "high"}, required = true, doc = "..."},
///     {key = "headers", type = "map", element = {doc = "..."}, default = "{}", doc = "..."},
///   }
///
/// type is one of boolean, integer, number, string (taken when it is left out), duration, size,
/// rate, byte_rate, choice, address, list, map (these two with element), table (with options), any.
/// Other fields: default, min, max, secret, reloadable.
class OptionReader {
 public:
  static constexpr std::size_t kOptionsMax = 256;  ///< of one script, nested ones counted
  static constexpr int kDepthMax = 8;

  OptionReader() = default;
  OptionReader(const OptionReader&) = delete;
  OptionReader& operator=(const OptionReader&) = delete;

  /// Reads the value on top of the stack, a table of options or nil, and pops it. Raises an error
  /// that names the option at fault. Once.
  void read(lua_State* lua, std::string_view name, std::string_view doc);
  /// Words beside the options: which key a bare scalar stands for, and groups of keys.
  void set_scalar_key(std::string_view key);
  void set_exactly_one_of(std::string_view groups);

  const OptionTable& root() const { return root_; }

 private:
  const OptionTable* table(lua_State* lua, std::string_view name, std::string_view doc, int depth);
  Option option(lua_State* lua, const std::string& path, int depth);
  void nested(lua_State* lua, Option& option, const std::string& path, int depth);
  std::string_view text(lua_State* lua, const char* field, const std::string& path);
  std::string_view choices(lua_State* lua, const std::string& path);
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }

  // Deques, because tables point into them.
  std::deque<std::string> texts_;
  std::deque<OptionTable> tables_;
  std::deque<std::vector<Option>> options_;
  std::deque<Option> elements_;
  std::size_t count_ = 0;
  OptionTable root_;
};

}  // namespace tocsin::script
