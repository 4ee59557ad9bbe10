#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/base/value.h"

namespace tocsin::config {

/// YAML as it was written, before any option table gives it types. Owned by the loader, one thread.
struct Node {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  /// Where a scalar's text came from; decides how messages may quote it.
  enum class Origin : std::uint8_t { kWritten, kVariable, kFile };

  struct Entry;

  Kind kind = Kind::kNull;
  Origin origin = Origin::kWritten;
  bool quoted = false;  ///< in quotes or a block scalar, so never a null, a number or a boolean
  bool has_default = false;  ///< kScalar: written with a `${NAME:default}`
  Place place;
  std::string text;            ///< kScalar: the text, filled in by interpolate()
  std::string written;         ///< kScalar: the text before it was filled in, empty when equal
  std::vector<Node> items;     ///< kList
  std::vector<Entry> entries;  ///< kMap, keys unique, in the order written

  const Entry* find(std::string_view key) const;
};

struct Node::Entry {
  std::string key;
  Place key_place;
  Node value;
};

/// How messages call the kind of a node: "a list", "a mapping", "text", "nothing".
std::string_view kind_name(Node::Kind kind);

}  // namespace tocsin::config
