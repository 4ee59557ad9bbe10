#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tocsin::output_slack {

/// The first `bytes` (at most 32) of a text's SHA-256, in hex: a name for what is secret or long.
std::string digest_of(std::string_view text, std::size_t bytes);

}  // namespace tocsin::output_slack
