#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "gateway/base/value.h"

namespace tocsin::config {

/// Where in `source`, the text of a file, the byte `offset` of a scalar stands, which begins at
/// `scalar` and reads as `text`. Nothing where that cannot be told: a folded block, quotes over
/// several lines, escapes by number, or a text that was filled in.
std::optional<Place> place_in_scalar(std::string_view source, const Place& scalar,
                                     std::string_view text, std::size_t offset);

}  // namespace tocsin::config
