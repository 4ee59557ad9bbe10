#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/app/plugin_catalog.h"
#include "gateway/app/storage_thread.h"
#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"
#include "gateway/delivery/lane_policy.h"
#include "gateway/event/offload_pool.h"
#include "gateway/plugin/instance.h"
#include "gateway/policy/shared_table.h"
#include "gateway/routing/router.h"
#include "gateway/stage/output.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// An output of the configuration, whatever loop it lives on.
struct OutputPart {
  std::string name;
  std::string type;
  plugin::InstancePtr instance;
  stage::OutputTraits traits;
  delivery::LanePolicy policy;
  std::size_t home = 0;  ///< the worker whose loop its lane lives on
};

/// The notification part of the gateway as all loops share it: plugin instances, router, store.
/// Made, opened and destroyed by the control thread; between open() and the end of the last loop
/// nothing in it changes.
class Notifications {
 public:
  /// What the process lends. All of it outlives this object.
  struct Process {
    telemetry::Log& log;
    telemetry::Metrics& metrics;
    event::OffloadPool& pool;
    std::size_t workers = 1;
    std::size_t storage_shard = 0;  ///< of the metrics
  };

  /// `settings` was accepted by load_gateway with this catalog; both outlive this object.
  Notifications(const Value& settings, const PluginCatalog& catalog, const Process& process);
  ~Notifications();
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  /// False: the configuration has neither inputs nor outputs, and nothing below is used.
  bool configured() const { return settings_.find("storage") != nullptr; }

  /// Makes every instance and opens the store. Each fault names its setting.
  config::Diagnostics open();

  const std::vector<plugin::InstancePtr>& inputs() const { return inputs_; }
  const std::vector<plugin::InstancePtr>& filters() const { return filters_; }
  const std::vector<OutputPart>& outputs() const { return outputs_; }
  const routing::Router& router() const { return *router_; }
  policy::SharedTable& table() { return table_; }
  event::OffloadPool& pool() { return process_.pool; }
  StorageThread& storage() { return *storage_; }
  telemetry::Log& log() { return process_.log; }
  telemetry::Metrics& metrics() { return process_.metrics; }

 private:
  plugin::InstancePtr create(plugin::Kind kind, const std::string& id, const Value& settings,
                             const std::string& path);
  void create_outputs();
  void build_router();
  void open_storage();

  const Value& settings_;
  const PluginCatalog& catalog_;
  const Process process_;
  plugin::PluginMetrics plugin_metrics_;
  const plugin::Services services_;
  policy::SharedTable table_;
  config::Diagnostics faults_;
  std::vector<plugin::InstancePtr> inputs_;
  std::vector<plugin::InstancePtr> filters_;
  std::vector<OutputPart> outputs_;
  plugin::InstancePtr storage_instance_;
  std::optional<routing::Router> router_;
  std::unique_ptr<StorageThread> storage_;
};

}  // namespace tocsin::app
