#pragma once

#include <cstdint>

#include "tocsin/plugin.hpp"

namespace tocsin::output_webpush {

/// What a push service's answer comes to (RFC 8030 5, 7.3, RFC 8292 4). `by_http` is what HTTP
/// alone suggests, with Retry-After; `location` is the message's URL of a 201.
sdk::Verdict classify(sdk::Verdict by_http, std::uint32_t status, std::string_view location);

}  // namespace tocsin::output_webpush
