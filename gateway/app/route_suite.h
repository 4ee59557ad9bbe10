#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"
#include "gateway/config/load.h"
#include "gateway/message/delivery.h"

// A suite of cases for the routes of a configuration, read as strictly as that:
//
//   config: tocsin.yaml                   # beside the suite, unless the command names another
//   cases:
//     - name: payments go to the chat
//       event: {topic: orders.paid, labels: {team: payments}}
//       expect: {outputs: [ops-chat, archive]}
//     - name: the same twice within five minutes is told once
//       steps:
//         - {file: events/disk.json, expect: {outputs: [archive]}}
//         - {after: 4m, file: events/disk.json, expect: {dropped_by: dedup}}

namespace tocsin::app {

/// What a case says should become of an event.
struct Expectation {
  enum class Kind : std::uint8_t {
    kNothing,
    kOutputs,
    kDeliveries,
    kDropped,
    kUnrouted,
    kNoAddress
  };

  struct Delivery {
    std::string output;
    std::string address;  ///< "kind:value", or empty: the output's own
    Place place;
    std::optional<message::DeliveryClass> priority = {};  ///< nothing: any
  };

  Kind kind = Kind::kNothing;
  Place place;
  std::vector<Delivery> deliveries;  ///< kDeliveries; kOutputs: an output each, without address
  std::string dropped_by;            ///< kDropped: the filter's name
  Place dropped_by_place;
};

struct SuiteStep {
  Place place;
  Duration after{};   ///< how long after the step before
  std::string event;  ///< JSON
  Value written;      ///< the event as the suite writes it; null when a file holds it
  Expectation expect;
};

/// Events in a row, told to filters that begin with nothing.
struct SuiteCase {
  std::string name;
  Place place;
  WallTime now{};  ///< when it begins
  std::vector<SuiteStep> steps;
};

struct RouteSuite {
  std::string path;
  std::string config_path;  ///< empty: it names none
  std::vector<SuiteCase> cases;
  config::SourceFiles sources;
};

/// When a case begins that says nothing of it: 2026-01-01T00:00:00Z, so that it ends the same for
/// ever.
inline constexpr WallTime kSuiteNow{Duration(1'767'225'600'000'000'000)};
inline constexpr std::size_t kEventBytesMax = std::size_t{1} << 20;  ///< of one `file:`

/// Reads a suite and the events it names, whose paths start at its folder.
tl::expected<RouteSuite, config::Rejection> load_route_suite(
    const std::string& path, const config::Environment& environment);

/// Expectations that no event could meet, because `root`, a gateway's configuration, has no such
/// output or filter.
config::Diagnostics check_suite_names(const RouteSuite& suite, const Value& root);

/// Where a suite writes what an RFC 6901 pointer into the event names: the deepest place that there
/// is.
Place place_in_event(const SuiteStep& step, std::string_view pointer);

}  // namespace tocsin::app
