#pragma once

#include <optional>

#include "gateway/config/diagnostic.h"
#include "gateway/config/source_text.h"

namespace tocsin::config {

/// What to say about a value that begins with text YAML reads as something else ("{{", "${", ">=",
/// "*", ...), or nothing when `value` begins harmlessly. `value` starts at the value's first byte.
std::optional<std::string> unquoted_trap(std::string_view value);

/// The diagnostic for such a value at a place.
Diagnostic quote_it(Place place, std::string_view value);

/// After YAML gave up on line `line_index` (from 0): the first value on that line, or else on the
/// one before, that should have been quoted.
std::optional<Diagnostic> find_unquoted(const SourceText& source, std::size_t line_index);

}  // namespace tocsin::config
