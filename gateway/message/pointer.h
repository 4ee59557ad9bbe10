#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tocsin::message {

/// What faults show of a name that somebody sent.
inline constexpr std::size_t kShownNameBytesMax = 64;

/// The name, or its beginning up to a whole letter.
std::string_view shown_name(std::string_view name);
/// Adds "/name" to an RFC 6901 pointer.
void append_pointer_token(std::string& out, std::string_view name);

}  // namespace tocsin::message
