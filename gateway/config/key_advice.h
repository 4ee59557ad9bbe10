#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/option.h"
#include "gateway/config/component_catalog.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/node.h"

namespace tocsin::config {

/// The option of a key, or null.
const Option* find_option(const OptionTable& table, std::string_view key);

/// True when the option is a secret, or something below it is: what stands in its place by mistake
/// may be one too.
bool holds_secret(const Option& option);

/// "listeners" + "public" -> "listeners.public"; a key with a dot, a space or a bracket is quoted:
/// `labels["a.b"]`.
std::string path_of_key(const std::string& path, std::string_view key);
std::string path_of_item(const std::string& path, std::size_t index);

/// `"a", "b" or "c"`.
std::string quoted_list(std::span<const std::string_view> words);

/// The groups of OptionTable::exactly_one_of.
std::vector<std::vector<std::string_view>> exclusive_groups(const OptionTable& table);

/// "the keys here are a, b and c", or how many when they are too many to list.
std::string keys_of(const OptionTable& table);

/// What to say about a key that a table does not have, and the key of that table it was meant to
/// be, if that can be told: its absence then needs no message of its own.
struct UnknownKey {
  Diagnostic fault;
  std::string_view meant;
};

/// Looks for a slip of the keyboard, for a key that belongs one table further down or up, and else
/// lists the keys there are. `open` is the way from the root to `table`.
UnknownKey unknown_key(const Node::Entry& entry, const OptionTable& table,
                       std::span<const OptionTable* const> open);

/// "did you mean X?" or the components of a kind that exist.
std::string catalog_hint(const ComponentCatalog& catalog, std::string_view kind,
                         std::string_view written);

}  // namespace tocsin::config
