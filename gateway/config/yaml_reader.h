#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/config/diagnostic.h"
#include "gateway/config/node.h"

namespace tocsin::config {

/// Reads one YAML document strictly. Refused with a sentence of their own: duplicate keys (both
/// places), several documents, tags, merge keys (`<<`), keys that are not text, invalid UTF-8 and
/// control bytes, more than limits.h allows (so aliases cannot explode), and values that begin with
/// an unquoted `{{`, `${`, `>=`, `*`, `@`, `%` or backtick.
///
/// An empty text is a null node. Columns count characters, from 1. All duplicate keys are reported
/// together; any other fault ends the reading. No exception leaves.
tl::expected<Node, Diagnostics> read_yaml(std::string_view text,
                                          std::shared_ptr<const std::string> file);

}  // namespace tocsin::config
