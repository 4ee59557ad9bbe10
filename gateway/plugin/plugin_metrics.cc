#include "gateway/plugin/plugin_metrics.h"

#include <array>
#include <cmath>
#include <variant>

/// One of the three; which one never changes.
struct tocsin_metric {
  std::variant<tocsin::telemetry::Counter*, tocsin::telemetry::Gauge*,
               tocsin::telemetry::Histogram*>
      instrument;
};

namespace tocsin::plugin {

namespace {

constexpr std::array<std::string_view, 2> kLabels = {"plugin", "id"};
constexpr double kCounterStepMax = 1e15;  // beyond it a double is no longer a whole number

struct Recorder {
  double value;
  void operator()(telemetry::Counter* counter) const {
    if (value > 0 && value < kCounterStepMax) counter->add(static_cast<std::uint64_t>(value));
  }
  void operator()(telemetry::Gauge* gauge) const {
    if (!std::isnan(value)) gauge->set(value);
  }
  void operator()(telemetry::Histogram* histogram) const { histogram->observe(value); }
};

template <typename Instrument>
std::unique_ptr<tocsin_metric> instrument_of(Result<telemetry::Family<Instrument>*> family,
                                             std::string_view plugin, std::string_view id) {
  if (!family) return nullptr;
  return std::make_unique<tocsin_metric>(tocsin_metric{&(*family)->with({plugin, id})});
}

}  // namespace

PluginMetrics::PluginMetrics(telemetry::Metrics& metrics)
    : metrics_(metrics),
      slow_callbacks_(metrics.counters("tocsin_plugin_slow_callbacks_total",
                                       "Calls into a plugin that took longer than 10 ms.",
                                       {"plugin", "id"})),
      late_completions_(metrics.counters("tocsin_plugin_late_completions_total",
                                         "Completions of tokens that were over.",
                                         {"plugin", "id"})),
      misuses_(metrics.counters("tocsin_plugin_misuses_total",
                                "Calls of a plugin that break the contract.", {"plugin", "id"})),
      expired_(metrics.counters("tocsin_plugin_expired_total",
                                "Held messages and requests that a plugin did not end in time.",
                                {"plugin", "id"})),
      leaked_(metrics.counters("tocsin_plugin_leaked_total",
                               "Instances that could not be destroyed: work was still running.",
                               {"plugin", "id"})),
      cuts_(metrics.counters("tocsin_plugin_cuts_total",
                             "Values that a template made shorter to keep within a limit.",
                             {"plugin", "id"})) {}
PluginMetrics::~PluginMetrics() = default;

InstanceMetrics PluginMetrics::of_instance(std::string_view plugin, std::string_view id) {
  return {&slow_callbacks_.with({plugin, id}), &late_completions_.with({plugin, id}),
          &misuses_.with({plugin, id}),        &expired_.with({plugin, id}),
          &leaked_.with({plugin, id}),         &cuts_.with({plugin, id})};
}

tocsin_metric* PluginMetrics::declare(std::uint32_t kind, std::string_view name,
                                      std::string_view help, std::string_view plugin,
                                      std::string_view id) {
  const std::string instance = std::string(plugin) + "/" + std::string(id);
  const std::string full = "tocsin_plugin_" + std::string(name);
  const std::lock_guard lock(mutex_);
  Key key(instance, std::to_string(kind) + full);
  if (const auto known = declared_.find(key); known != declared_.end()) return known->second.get();
  std::size_t& count = counts_[instance];
  if (count >= kMetricsMax) return nullptr;
  std::unique_ptr<tocsin_metric> metric;
  if (kind == TOCSIN_COUNTER) {
    metric = instrument_of(metrics_.declare_counters(full, help, kLabels), plugin, id);
  } else if (kind == TOCSIN_GAUGE) {
    metric = instrument_of(metrics_.declare_gauges(full, help, kLabels), plugin, id);
  } else if (kind == TOCSIN_HISTOGRAM) {
    metric = instrument_of(
        metrics_.declare_histograms(full, help, telemetry::kLatencyBounds, kLabels), plugin, id);
  }
  if (metric == nullptr) return nullptr;
  ++count;
  return declared_.emplace(std::move(key), std::move(metric)).first->second.get();
}

void PluginMetrics::record(tocsin_metric& metric, double value) {
  std::visit(Recorder{value}, metric.instrument);
}

}  // namespace tocsin::plugin
