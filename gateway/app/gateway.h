#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/admin/admin_routes.h"
#include "gateway/admin/store_audit.h"
#include "gateway/app/access_log_sweep.h"
#include "gateway/app/access_logs.h"
#include "gateway/app/admin_server.h"
#include "gateway/app/call_under_way.h"
#include "gateway/app/construction_thread.h"
#include "gateway/app/drain.h"
#include "gateway/app/drained_gateway.h"
#include "gateway/app/estate.h"
#include "gateway/app/handover.h"
#include "gateway/app/heap_trim.h"
#include "gateway/app/inherited_sockets.h"
#include "gateway/app/lane_handover.h"
#include "gateway/app/lane_states.h"
#include "gateway/app/listener_set.h"
#include "gateway/app/loop_group.h"
#include "gateway/app/overload_watch.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/reloader.h"
#include "gateway/app/snapshot_swap.h"
#include "gateway/app/store_lending.h"
#include "gateway/app/supervisor.h"
#include "gateway/app/upgrade.h"
#include "gateway/app/watchdog.h"
#include "gateway/app/worker.h"
#include "gateway/config/load.h"
#include "gateway/delivery/store_gauges.h"
#include "gateway/event/loop.h"
#include "gateway/event/offload_pool.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/log_metrics.h"
#include "gateway/telemetry/metrics.h"
#include "gateway/telemetry/process_metrics.h"

namespace tocsin::app {

/// How many loops a configuration wants.
std::size_t wanted_workers(const Value& settings);

/// The running process: workers that serve the listeners, and the control thread (the caller's)
/// with the admin address, the signals and the configuration. Built, run and destroyed on one
/// thread.
class Gateway {
 public:
  struct Arguments {
    std::string config_path;  ///< read again by a reload
    const config::Environment& environment;
    MonoTime process_started{};
    InheritedSockets& inherited;
    /// The process that this one takes the place of; empty: none.
    std::optional<Predecessor>& predecessor;
    Supervisor& supervisor;
    Successor::Command command;  ///< for the process after this one
  };
  /// `config` was accepted by load_gateway with this catalog.
  Gateway(Arguments arguments, const config::LoadedConfig& config, telemetry::Log& log);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Takes all ports and opens all files, or nothing is started: each fault names its setting.
  config::Diagnostics open(config::LoadedConfig config, const PluginCatalog& catalog);

  /// Serves until SIGTERM, SIGINT or SIGQUIT and the drain that follows; a second signal cuts it
  /// short. False when it could not begin: the log says why.
  bool run();

  /// After run(): waits until the access logs are written; false when one was not within `limit`.
  bool flush_access_logs(Duration limit) { return access_logs_.flush(limit); }

 private:
  Reloader::Parts reloader_parts();
  config::Diagnostics open_access_logs();
  void make_workers();
  void start_loops();
  void install_first();
  void serve_first(Result<void> installed);
  void begin_with_store(const Snapshot& snapshot);
  admin::AdminParts admin_parts();
  void adopt(const Snapshot& snapshot);
  void keep_supervisor_informed();
  void reload_on_signal();
  void too_late_for(std::string_view signal);
  void reopen_logs();
  void upgrade();
  void drain(std::string_view why);
  void begin_drain(std::string_view why, Duration idle_patience);
  void watch_logs();
  void stop_at_once(int exit_code);
  void let_go_of_plugins();
  void wait_for_construction();
  void take_down();

  Arguments arguments_;
  telemetry::Log& log_;
  admin::LogAudit audit_;
  const std::size_t workers_wanted_;
  telemetry::Metrics metrics_;
  AccessLogs access_logs_;
  admin::Readiness readiness_;
  event::Loop control_;
  plugin::CrashMap crash_map_;              // beside the store once one is opened
  Watchdog watchdog_;                       // stops before the loops
  std::optional<event::OffloadPool> pool_;  // ends before the loops that it posts to
  CallUnderWay calls_;
  Estate estate_;
  OverloadWatch overload_watch_;
  ConstructionThread construction_;  // after what ends there, before what that stands on
  ListenerSet listeners_;
  LoopGroup loops_;
  std::shared_ptr<const Snapshot> first_;   // until it is installed
  std::shared_ptr<OpenStore> first_store_;  // until it is lent
  SnapshotSwap swap_;
  StoreLending lending_;
  AccessLogSweep log_sweep_;
  std::unique_ptr<LoopEstate> control_part_;
  std::optional<admin::StoreAudit> store_audit_;  // with a store
  std::vector<std::unique_ptr<Worker>> workers_;
  LaneStates lane_states_;
  LaneHandover lane_handover_;
  AdminServer admin_;
  Reloader reloader_;
  Upgrade upgrade_;
  std::unique_ptr<delivery::StoreGauges> store_gauges_;
  std::vector<telemetry::MetricCallback> callbacks_;
  DrainedGateway drained_;
  Drain drain_;
  event::Timer log_watch_;
  event::Timer supervisor_timer_;
  HeapTrim heap_trim_;
};

}  // namespace tocsin::app
