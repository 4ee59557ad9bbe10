#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/snapshot.h"
#include "gateway/base/clock.h"
#include "gateway/message/delivery.h"
#include "gateway/routing/router.h"

namespace tocsin::app {

/// What the pipeline did with one event, step by step. Points into the snapshot it was tried on.
struct Rehearsed {
  enum class Outcome : std::uint8_t {
    kRouted,
    kDropped,    ///< by the filter in `dropped_by`
    kUnrouted,   ///< no route takes it
    kNoAddress,  ///< routed, but no output has anybody to deliver to
    kTooMany,    ///< more deliveries than one notification may have
    kTooLarge,   ///< it takes more memory than one notification may
  };

  enum class Decision : std::uint8_t { kNotAsked, kPassed, kDropped };

  struct FilterStep {
    const PluginPart* filter = nullptr;
    Decision decision = Decision::kNotAsked;
    bool remembers = false;  ///< it asked to hear what comes of the event
    Duration held{};         ///< how long it took to decide
    std::string reason;      ///< in its own words; most filters have none
  };

  struct Delivery {
    std::uint32_t output = 0;  ///< in Snapshot::outputs()
    std::string address;       ///< "kind:value", or empty: the output's own
    message::DeliveryClass priority = message::DeliveryClass::kNormal;
  };

  Outcome outcome = Outcome::kTooLarge;
  std::string notification;  ///< the event in canonical form
  std::optional<WallTime> deliver_at;
  std::optional<WallTime> expires_at;
  std::vector<FilterStep> filters;  ///< one for each filter
  std::string dropped_by;
  std::vector<routing::RouteExplanation> routes;  ///< one for each route; empty when dropped
  std::vector<Delivery> deliveries;               ///< in the order they would be numbered
  /// Outputs that a route named and that have nobody to deliver to, in the order of the routes.
  std::vector<std::uint32_t> without_address;
};

/// "routed", "dropped", "unrouted", "no_address", "too_many", "too_large".
std::string_view outcome_name(Rehearsed::Outcome outcome);

}  // namespace tocsin::app
