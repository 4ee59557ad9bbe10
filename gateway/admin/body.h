#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/admin/api_call.h"
#include "gateway/base/value.h"

// Bodies that change something are small JSON objects, read strictly: whatever is wrong with one is
// told with its place.

namespace tocsin::admin {

/// 400, at a place of the body (RFC 6901; "": the whole).
Problem wrong(std::string pointer, std::string detail);
/// The place of a member of the body itself.
std::string pointer_to(std::string_view member);

/// The body as an object that has no names but those in `known`, and all those in `required`.
tl::expected<Value, Problem> read_body(std::string_view body,
                                       std::span<const std::string_view> known,
                                       std::span<const std::string_view> required = {});

}  // namespace tocsin::admin
