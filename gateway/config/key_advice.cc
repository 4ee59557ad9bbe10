#include "gateway/config/key_advice.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/config/scalar.h"

namespace tocsin::config {

namespace {

constexpr std::size_t kListedMax = 16;  // names in a message; more help nobody
constexpr std::size_t kShownKeyMax = 100;

std::string listed(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

// The key of the table below `table` that knows `key`, e.g. "limits" for body_bytes_max.
std::string_view child_that_knows(const OptionTable& table, std::string_view key) {
  for (const Option& option : table.options) {
    const bool below = option.type == OptionType::kTable && option.table != nullptr;
    if (below && find_option(*option.table, key) != nullptr) return option.key;
  }
  return {};
}

// The innermost table around the one being read that knows `key`, or null.
const OptionTable* outer_that_knows(std::span<const OptionTable* const> open,
                                    std::string_view key) {
  for (std::size_t up = open.size(); up > 1; --up) {
    if (find_option(*open[up - 2], key) != nullptr) return open[up - 2];
  }
  return nullptr;
}

// The key of `table` that `written` is a slip of; also "backlog:512", which lacks a space.
std::string_view meant_key(const OptionTable& table, std::string_view written) {
  const std::string_view before_colon = written.substr(0, written.find(':'));
  if (const Option* option = find_option(table, before_colon)) return option->key;
  std::vector<std::string_view> keys;
  for (const Option& option : table.options) keys.push_back(option.key);
  return closest(written, keys).value_or(std::string_view());
}

}  // namespace

bool holds_secret(const Option& option) {
  if ((option.flags & Option::kSecret) != 0) return true;
  if (option.element != nullptr && holds_secret(*option.element)) return true;
  if (option.table == nullptr) return false;
  return std::any_of(option.table->options.begin(), option.table->options.end(), holds_secret);
}

const Option* find_option(const OptionTable& table, std::string_view key) {
  for (const Option& option : table.options) {
    if (option.key == key) return &option;
  }
  return nullptr;
}

std::string path_of_key(const std::string& path, std::string_view key) {
  if (key.empty() || key.find_first_of(". []\"\n") != std::string_view::npos) {
    return path + "[\"" + std::string(key) + "\"]";
  }
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

std::string path_of_item(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

std::string quoted_list(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text.append("\"").append(words[i]).append("\"");
  }
  return text;
}

std::vector<std::vector<std::string_view>> exclusive_groups(const OptionTable& table) {
  std::vector<std::vector<std::string_view>> groups;
  std::string_view rest = table.exactly_one_of;
  while (!rest.empty()) {
    const std::size_t space = std::min(rest.find(' '), rest.size());
    groups.push_back(words_of(rest.substr(0, space)));
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  return groups;
}

std::string keys_of(const OptionTable& table) {
  std::vector<std::string_view> keys;
  for (const Option& option : table.options) keys.push_back(option.key);
  if (keys.empty()) return "it takes no keys";
  if (keys.size() == 1) return "the only key here is " + std::string(keys[0]);
  if (keys.size() > kListedMax) return "it has " + std::to_string(keys.size()) + " keys";
  return "the keys here are " + listed(keys);
}

UnknownKey unknown_key(const Node::Entry& entry, const OptionTable& table,
                       std::span<const OptionTable* const> open) {
  UnknownKey unknown;
  Diagnostic& fault = unknown.fault;
  fault.place = entry.key_place;
  fault.message = "unknown key \"" + entry.key.substr(0, kShownKeyMax) + "\"";
  const std::string_view child = child_that_knows(table, entry.key);
  const OptionTable* outer = outer_that_knows(open, entry.key);
  if (child.empty() && outer == nullptr) unknown.meant = meant_key(table, entry.key);
  if (!unknown.meant.empty()) {
    const std::string meant(unknown.meant);
    const bool no_space = entry.key.starts_with(meant + ":");
    fault.hint = no_space ? "write a space after the colon" : "did you mean \"" + meant + "\"?";
    fault.hide_source = holds_secret(*find_option(table, meant));
  } else if (!child.empty()) {
    fault.hint = "it belongs one level down, under \"" + std::string(child) + "\"";
  } else if (outer != nullptr) {
    fault.hint =
        "it belongs further out, in the " + std::string(outer->name) + ": check the indentation";
  } else if (entry.key == "include") {
    fault.hint = "include stands at the top of a file only";
  } else {
    fault.hint = keys_of(table);
  }
  return unknown;
}

std::string catalog_hint(const ComponentCatalog& catalog, std::string_view kind,
                         std::string_view written) {
  const std::vector<std::string_view> names = catalog.names(kind);
  if (const auto near = closest(written, names)) return "did you mean " + std::string(*near) + "?";
  if (names.empty()) return "this gateway has no " + std::string(kind);
  if (names.size() > kListedMax) {
    return "there are " + std::to_string(names.size()) + " of that kind";
  }
  return names.size() == 1 ? "the only one is " + std::string(names[0])
                           : "there are " + listed(names);
}

}  // namespace tocsin::config
