#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/telemetry/metrics.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// What the host counts of one instance; labels `plugin` (kind/name) and `id`.
struct InstanceMetrics {
  telemetry::Counter* slow_callbacks;    ///< above kSlowCallback
  telemetry::Counter* late_completions;  ///< for a token that was over or never was
  telemetry::Counter* misuses;           ///< calls that break the contract
  telemetry::Counter* expired;           ///< holds and requests the plugin did not end in time
  telemetry::Counter* leaked;            ///< instances not destroyed: work was still running
  telemetry::Counter* cuts;              ///< values its templates cut at a limit
};

/// Metrics of plugins: those the host counts and those plugins declare. Outlives all instances.
/// Thread-safe.
class PluginMetrics {
 public:
  static constexpr std::size_t kMetricsMax = 64;  ///< declared by one instance

  explicit PluginMetrics(telemetry::Metrics& metrics);
  ~PluginMetrics();
  PluginMetrics(const PluginMetrics&) = delete;
  PluginMetrics& operator=(const PluginMetrics&) = delete;

  InstanceMetrics of_instance(std::string_view plugin, std::string_view id);

  /// `tocsin_plugin_<name>` with the same labels; null when the name is no metric's, another type
  /// has it, or the instance has kMetricsMax.
  tocsin_metric* declare(std::uint32_t kind, std::string_view name, std::string_view help,
                         std::string_view plugin, std::string_view id);
  /// NaN, and what a counter cannot add, is ignored.
  static void record(tocsin_metric& metric, double value);

 private:
  using Key = std::pair<std::string, std::string>;  // instance, name

  telemetry::Metrics& metrics_;
  telemetry::Family<telemetry::Counter>& slow_callbacks_;
  telemetry::Family<telemetry::Counter>& late_completions_;
  telemetry::Family<telemetry::Counter>& misuses_;
  telemetry::Family<telemetry::Counter>& expired_;
  telemetry::Family<telemetry::Counter>& leaked_;
  telemetry::Family<telemetry::Counter>& cuts_;
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<tocsin_metric>> declared_;  // guarded by mutex_
  std::map<std::string, std::size_t> counts_;               // guarded by mutex_
};

}  // namespace tocsin::plugin
