#pragma once

#include <optional>

#include "gateway/config/diagnostic.h"
#include "gateway/config/source_text.h"

namespace tocsin::config {

/// What to say about a value that begins with text YAML reads as something else ("{{", "${", ">=",
/// "*", ...), or nothing when it begins harmlessly. `value` starts at the value's first byte.
std::optional<Diagnostic> unquoted_trap(Place place, std::string_view value);

/// After YAML gave up on line `line_index` (from 0): the first value on that line, or else on the
/// one before, that should have been quoted.
std::optional<Diagnostic> find_unquoted(const SourceText& source, std::size_t line_index);

}  // namespace tocsin::config
