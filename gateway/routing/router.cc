#include "gateway/routing/router.h"

#include <algorithm>

namespace tocsin::routing {

void RouteResult::begin(std::size_t outputs) {
  outputs_.clear();
  routes_.clear();
  if (taken_in_.size() < outputs) taken_in_.resize(outputs, 0);
  ++round_;
}

void RouteResult::add(std::uint32_t route, std::span<const std::uint32_t> outputs) {
  routes_.push_back(route);
  for (const std::uint32_t output : outputs) {
    if (taken_in_[output] == round_) continue;
    taken_in_[output] = round_;
    outputs_.push_back(output);
  }
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)), index_(routes_) {
  for (const Route& route : routes_) {
    for (const std::uint32_t output : route.outputs) {
      outputs_ = std::max(outputs_, std::size_t{output} + 1);
    }
  }
}

void Router::route(const message::Notification& notification, RouteResult& result) const {
  result.begin(outputs_);
  index_.visit_candidates(notification, [&](std::uint32_t candidate) {
    const Route& route = routes_[candidate];
    if (!route.match.takes(notification)) return true;
    result.add(candidate, route.outputs);
    return route.goes_on;
  });
}

std::vector<RouteExplanation> Router::explain(const message::Notification& notification) const {
  using Kind = RouteExplanation::Kind;
  std::vector<RouteExplanation> explanations(routes_.size());
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    RouteExplanation& explanation = explanations[i];
    explanation.reasons = routes_[i].match.objections(notification);
    explanation.kind = explanation.reasons.empty() ? Kind::kTook : Kind::kPassed;
    if (explanation.kind == Kind::kPassed) continue;
    explanation.outputs = routes_[i].outputs;
    explanation.goes_on = routes_[i].goes_on;
    if (!explanation.goes_on) break;
  }
  return explanations;
}

}  // namespace tocsin::routing
