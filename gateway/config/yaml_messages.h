#pragma once

#include <string_view>

#include "gateway/config/diagnostic.h"

namespace tocsin::config {

/// yaml-cpp's words for the most common slip of all, which it often reports as something else.
inline constexpr std::string_view kTabInIndentation = "illegal tab when looking for indentation";

/// True when the parser missed the end of a `[...]` or `{...}`.
bool is_unclosed_flow(std::string_view parser_message);

/// What a message of yaml-cpp's parser means to an operator; the place is the caller's to add.
Diagnostic yaml_fault(std::string_view parser_message);

}  // namespace tocsin::config
