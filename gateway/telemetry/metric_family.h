#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gateway/telemetry/metrics.h"

namespace tocsin::telemetry {

/// A metric read when it is scraped.
struct Metrics::Callback {
  std::uint64_t id;
  std::vector<std::string> label_values;
  Function<double()> read;
};

/// One name: its description and either the instruments or the callbacks behind it (monostate only
/// while it is being declared). Internal to the room; the description's address is stable because
/// families are never removed.
struct Metrics::AnyFamily {
  using Callbacks = std::vector<Callback>;
  using Kind =
      std::variant<std::monostate, std::unique_ptr<Family<Counter>>, std::unique_ptr<Family<Gauge>>,
                   std::unique_ptr<Family<Histogram>>, Callbacks>;

  explicit AnyFamily(MetricDescription d) : description(std::move(d)) {}

  const MetricDescription description;
  Kind kind;
};

}  // namespace tocsin::telemetry
