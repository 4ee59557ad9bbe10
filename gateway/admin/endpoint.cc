#include "gateway/admin/endpoint.h"

#include <algorithm>

namespace tocsin::admin {

namespace {

// What "{id}" stood for ("" when the pattern has none), or nothing when the path is another.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
  std::string_view argument;
  while (true) {
    const std::string_view wanted = pattern.substr(0, pattern.find('/'));
    const std::string_view given = path.substr(0, path.find('/'));
    if (wanted.starts_with('{')) {
      if (given.empty()) return std::nullopt;
      argument = given;
    } else if (wanted != given) {
      return std::nullopt;
    }
    if (wanted.size() == pattern.size() || given.size() == path.size()) break;
    pattern.remove_prefix(wanted.size() + 1);
    path.remove_prefix(given.size() + 1);
  }
  const bool both_ended = pattern.find('/') == pattern.npos && path.find('/') == path.npos;
  return both_ended ? std::optional(argument) : std::nullopt;
}

}  // namespace

EndpointMatch match_endpoint(std::span<const Endpoint> endpoints, std::string_view method,
                             std::string_view path) {
  EndpointMatch match;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Endpoint& endpoint : endpoints) {
    const auto argument = fit(endpoint.pattern, path);
    if (!argument) continue;
    if (endpoint.method == wanted) return {&endpoint, *argument, {}};
    const std::string_view methods = endpoint.method == "GET" ? "GET, HEAD" : endpoint.method;
    if (match.allow.find(methods) != std::string::npos) continue;
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += methods;
  }
  return match;
}

}  // namespace tocsin::admin
