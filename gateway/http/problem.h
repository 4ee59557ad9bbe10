#pragma once

#include <string>
#include <string_view>

namespace tocsin::http {

constexpr std::string_view kProblemType = "application/problem+json";

/// A problem document (RFC 9457) of type about:blank: {"title","status","detail"}. `detail` may be
/// empty; any bytes are safe.
std::string problem_document(int status, std::string_view detail);

}  // namespace tocsin::http
