#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/base/option.h"
#include "gateway/base/value.h"
#include "gateway/message/delivery.h"
#include "gateway/message/notification.h"
#include "gateway/policy/matcher.h"

namespace tocsin::routing {

/// Which notifications a route takes. All conditions given must hold; none: it takes all.
struct RouteMatch {
  std::optional<message::Level> min_level;
  std::optional<message::Level> level;  ///< exactly this one
  std::vector<policy::Glob> topics;     ///< one of them; empty: any
  policy::LabelMatcher labels;
  /// Of one condition named "key", so that patterns mean there what they mean in labels.
  policy::LabelMatcher key;

  bool takes(const message::Notification& notification) const;
  bool takes_all() const;

  /// For each condition that does not hold a sentence, such as `the level info is below warning`.
  std::vector<std::string> objections(const message::Notification& notification) const;
};

struct Route {
  std::string name;  ///< "routes[3]"
  Place place;
  RouteMatch match;
  std::vector<std::uint32_t> outputs;  ///< indexes in the list of outputs, each once
  std::string script;  ///< the file that decides instead, as it is written; empty: `outputs` do
  std::uint32_t script_index = 0;  ///< which of the scripts of all routes, in their order
  bool goes_on = false;            ///< `continue`: later routes are asked as well
  /// Of its deliveries, unless its script gives another; nothing: as the level says.
  std::optional<message::DeliveryClass> priority;
};

/// What is wrong with the settings of routes, and where.
struct RouteFault {
  Place place;
  std::string path;     ///< "routes[3].match.topic"
  std::string message;  ///< one sentence without a full stop
  std::string hint;     ///< may be empty
};

/// The keys of one route.
const OptionTable& route_options();

/// Builds the routes from the list of `routes:`, each validated by route_options(). `outputs` are
/// the names of the outputs there are, in their order. Reports all faults, in the order written.
tl::expected<std::vector<Route>, std::vector<RouteFault>> build_routes(
    const Value& list, std::span<const std::string_view> outputs);

}  // namespace tocsin::routing
