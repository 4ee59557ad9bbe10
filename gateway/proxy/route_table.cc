#include "gateway/proxy/route_table.h"

#include <algorithm>

namespace tocsin::proxy {

namespace {

bool path_matches(const RouteMatch& match, std::string_view path) {
  if (!match.path.empty()) return path == match.path;
  const std::string_view prefix = match.prefix;
  if (!path.starts_with(prefix)) return false;
  return prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/';
}

std::string_view without_port(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return has_port ? authority.substr(0, colon) : authority;
}

bool place_matches(const RouteMatch& match, const http::RequestHead& head) {
  if (!match.host.empty() && !equals_ignoring_case(match.host, without_port(head.authority))) {
    return false;
  }
  return path_matches(match, head.path);
}

bool method_matches(const RouteMatch& match, std::string_view method) {
  if (match.methods.empty()) return true;
  return std::any_of(match.methods.begin(), match.methods.end(), [&](const std::string& allowed) {
    return method == allowed || (method == "HEAD" && allowed == "GET");
  });
}

// The methods of all routes for the same place, which is what Allow must list (RFC 9110 10.2.1).
std::string allowed_methods(const std::vector<Route>& routes, const RouteMatch& place) {
  std::vector<std::string> methods;
  const auto note = [&](const std::string& method) {
    if (std::find(methods.begin(), methods.end(), method) == methods.end())
      methods.push_back(method);
  };
  for (const Route& route : routes) {
    const RouteMatch& match = route.match;
    if (match.path != place.path || match.prefix != place.prefix || match.host != place.host)
      continue;
    for (const std::string& method : match.methods) {
      note(method);
      if (method == "GET") note("HEAD");
    }
  }
  std::string text;
  for (const std::string& method : methods) text += (text.empty() ? "" : ", ") + method;
  return text;
}

std::vector<http::HttpFilterFactory*> pointers(
    const std::vector<std::unique_ptr<http::HttpFilterFactory>>& owned) {
  std::vector<http::HttpFilterFactory*> list;
  list.reserve(owned.size());
  for (const auto& factory : owned) list.push_back(factory.get());
  return list;
}

}  // namespace

RouteTable::RouteTable(std::vector<std::unique_ptr<http::HttpFilterFactory>> filters,
                       std::vector<Route> routes, std::vector<RefusalHook*> refusal_hooks)
    : owned_filters_(std::move(filters)),
      filters_(pointers(owned_filters_)),
      refusal_hooks_(std::move(refusal_hooks)),
      not_found_(std::make_unique<ProblemAnswer>(404, "No route takes this request.")),
      asterisk_(std::make_unique<FixedAnswer>(
          FixedAnswer::Options{.headers = {{"Allow", std::string(http::kServedMethods)}}})) {
  std::vector<std::unique_ptr<ProblemAnswer>> refusals;
  refusals.reserve(routes.size());
  for (const Route& route : routes) {
    refusals.push_back(route.match.methods.empty()
                           ? nullptr
                           : std::make_unique<ProblemAnswer>(405,
                                                             "The route does not take this method.",
                                                             allowed_methods(routes, route.match)));
  }
  entries_.reserve(routes.size());
  for (std::size_t i = 0; i < routes.size(); ++i) {
    std::vector<http::HttpFilterFactory*> list = pointers(routes[i].filters);
    entries_.push_back({std::move(routes[i]), std::move(list), std::move(refusals[i])});
  }
}

http::RoutePlan RouteTable::plan(const http::RequestHead& head) const {
  http::RoutePlan plan;
  plan.listener_filters = filters_;
  if (head.path == "*") {
    plan.handler = asterisk_.get();
    return plan;
  }
  for (const Entry& entry : entries_) {
    if (!place_matches(entry.route.match, head)) continue;
    if (method_matches(entry.route.match, head.method)) {
      plan.route = entry.route.name;
      plan.route_filters = entry.filters;
      plan.handler = entry.route.handler.get();
      return plan;
    }
    if (plan.handler == nullptr) plan.handler = entry.method_not_allowed.get();
  }
  if (plan.handler == nullptr) plan.handler = not_found_.get();
  return plan;
}

void RouteTable::refusing(http::Exchange& exchange, http::ResponseHead& head) const {
  for (RefusalHook* hook : refusal_hooks_) hook->refusing(exchange, head);
}

void RouteTable::note_refused(const http::Exchange& exchange, http::DoneFlags flags) const {
  for (RefusalHook* hook : refusal_hooks_) hook->note_refused(exchange, flags);
}

}  // namespace tocsin::proxy
