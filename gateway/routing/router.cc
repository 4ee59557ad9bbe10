#include "gateway/routing/router.h"

#include <algorithm>
#include <utility>

#include "gateway/base/units.h"

namespace tocsin::routing {

namespace {

constexpr std::size_t kRecipientsShown = 5;

// What a script decided besides the outputs, a sentence each.
std::vector<std::string> wishes_of(const stage::RouteOpinion& opinion) {
  std::vector<std::string> wishes;
  if (!opinion.reason.empty()) wishes.push_back("its script says: " + opinion.reason);
  if (opinion.delay)
    wishes.push_back("not before " + format_duration(*opinion.delay) + " from now");
  std::string who;
  for (std::size_t i = 0; i < opinion.recipients.size() && i < kRecipientsShown; ++i) {
    who += (who.empty() ? "for " : ", ") + opinion.recipients[i];
  }
  if (opinion.recipients.size() > kRecipientsShown) {
    who += " and " + std::to_string(opinion.recipients.size() - kRecipientsShown) + " more";
  }
  if (!who.empty()) wishes.push_back(std::move(who));
  return wishes;
}

// The script knows the notification, the route's author only its kind.
std::optional<message::DeliveryClass> priority_of(const Route& route,
                                                  const stage::RouteOpinion* opinion) {
  return opinion != nullptr && opinion->priority ? opinion->priority : route.priority;
}

}  // namespace

void RouteResult::begin(std::size_t outputs) {
  outputs_.clear();
  routes_.clear();
  opinions_.clear();
  priorities_.clear();
  opinions_used_ = 0;
  if (taken_in_.size() < outputs) taken_in_.resize(outputs, 0);
  ++round_;
}

void RouteResult::make_room(std::span<const std::uint32_t> outputs) {
  for (const std::uint32_t output : outputs) {
    if (output >= taken_in_.size()) taken_in_.resize(output + 1, 0);
  }
}

stage::RouteOpinion& RouteResult::next_opinion() {
  if (opinions_used_ == kept_opinions_.size()) {
    kept_opinions_.push_back(std::make_unique<stage::RouteOpinion>());
  }
  return *kept_opinions_[opinions_used_++];
}

void RouteResult::add(std::uint32_t index, const Route& route,
                      std::span<const std::uint32_t> outputs, const stage::RouteOpinion* opinion) {
  routes_.push_back(index);
  const auto priority = priority_of(route, opinion);
  for (const std::uint32_t output : outputs) {
    if (taken_in_[output] == round_) continue;
    taken_in_[output] = round_;
    outputs_.push_back(output);
    opinions_.push_back(opinion);
    priorities_.push_back(priority);
  }
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)), index_(routes_) {
  for (const Route& route : routes_) {
    for (const std::uint32_t output : route.outputs) {
      outputs_ = std::max(outputs_, std::size_t{output} + 1);
    }
  }
}

// A script may name any output there is, and only it knows how many there are.
void Router::route(const message::Notification& notification, RouteResult& result,
                   Scripts scripts) const {
  result.begin(outputs_);
  index_.visit_candidates(notification, [&](std::uint32_t candidate) {
    const Route& route = routes_[candidate];
    if (!route.match.takes(notification)) return true;
    if (route.script.empty()) {
      result.add(candidate, route, route.outputs, nullptr);
      return route.goes_on;
    }
    if (route.script_index >= scripts.size()) return true;
    stage::RouteOpinion& opinion = result.next_opinion();
    scripts[route.script_index]->route(notification, opinion);
    if (!opinion.has_one) return true;
    result.make_room(opinion.outputs);
    result.add(candidate, route, opinion.outputs, &opinion);
    return route.goes_on || opinion.goes_on;
  });
}

std::vector<RouteExplanation> Router::explain(const message::Notification& notification,
                                              Scripts scripts) const {
  using Kind = RouteExplanation::Kind;
  std::vector<RouteExplanation> explanations(routes_.size());
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    RouteExplanation& explanation = explanations[i];
    explanation.reasons = routes_[i].match.objections(notification);
    bool goes_on = routes_[i].goes_on;
    stage::RouteOpinion opinion;
    if (explanation.reasons.empty() && !routes_[i].script.empty()) {
      const bool is_there = routes_[i].script_index < scripts.size();
      if (is_there) scripts[routes_[i].script_index]->route(notification, opinion);
      goes_on = goes_on || opinion.goes_on;
      if (!opinion.has_one) {
        explanation.reasons.push_back(opinion.problem.empty()
                                          ? "its script has no opinion"
                                          : "its script failed: " + opinion.problem);
      }
    }
    explanation.kind = explanation.reasons.empty() ? Kind::kTook : Kind::kPassed;
    if (explanation.kind == Kind::kPassed) continue;
    explanation.outputs = routes_[i].script.empty() ? routes_[i].outputs : opinion.outputs;
    explanation.goes_on = goes_on;
    explanation.priority = priority_of(routes_[i], &opinion);
    if (opinion.has_one) explanation.reasons = wishes_of(opinion);
    if (!explanation.goes_on) break;
  }
  return explanations;
}

}  // namespace tocsin::routing
