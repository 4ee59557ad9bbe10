#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gateway/admin/admin_routes.h"
#include "gateway/admin/store_audit.h"
#include "gateway/app/access_logs.h"
#include "gateway/app/heap_trim.h"
#include "gateway/app/lane_states.h"
#include "gateway/app/notifications.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/worker.h"
#include "gateway/base/arena.h"
#include "gateway/config/load.h"
#include "gateway/delivery/store_gauges.h"
#include "gateway/event/loop.h"
#include "gateway/event/offload_pool.h"
#include "gateway/event/signal_watch.h"
#include "gateway/http/server.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/log_metrics.h"
#include "gateway/telemetry/metrics.h"
#include "gateway/telemetry/process_metrics.h"

namespace tocsin::app {

/// The running process: workers that serve the listeners, and the control thread (the caller's)
/// with the admin address and the signals. Built, run and destroyed on one thread.
class Gateway {
 public:
  /// `settings` was accepted by load_gateway and must outlive the gateway.
  /// `catalog` is what they were loaded with and outlives it too.
  Gateway(const Value& settings, const PluginCatalog& catalog, telemetry::Log& log,
          MonoTime process_started);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Takes all ports and opens all files, or nothing is started: each fault names its setting.
  config::Diagnostics open();

  /// Serves until SIGTERM, SIGINT or SIGQUIT and the drain that follows; a second signal cuts it
  /// short. False when it could not begin: the log says why.
  bool run();

 private:
  struct Listener {
    std::string name;
    const Value* settings;
    event::Address address;
    std::vector<event::ListeningSocket> sockets;  // one per worker until they start
    std::unique_ptr<http::ServerShared> shared;
  };

  void open_listener(const Value::Entry& entry, config::Diagnostics& faults);
  void open_admin(config::Diagnostics& faults);
  void open_access_logs(config::Diagnostics& faults);
  void make_workers();
  Result<void> start_workers();
  Result<void> start_notifications();
  admin::AuditSink& audit();
  void serve_admin();
  void on_signal(std::string_view name);
  void watch_drain();
  void stop_store();
  void stop_at_once(int exit_code);
  void take_down();
  std::size_t open_connections() const;

  const Value& settings_;
  telemetry::Log& log_;
  admin::LogAudit audit_;
  const MonoTime process_started_;
  const std::size_t workers_wanted_;
  telemetry::Metrics metrics_;
  AccessLogs access_logs_;
  admin::Readiness readiness_;
  event::Loop control_;
  std::optional<event::OffloadPool> pool_;  // ends before the loops that it posts to
  BlockPool blocks_;
  std::vector<Listener> listeners_;
  Notifications notifications_;
  DoorList doors_;
  std::unique_ptr<LoopNotifications> control_part_;  // the control loop's, for the admin address
  std::optional<admin::StoreAudit> store_audit_;     // with a store
  std::unique_ptr<LaneStates> lane_states_;
  std::unique_ptr<delivery::StoreGauges> store_gauges_;
  std::unique_ptr<http::ServerShared> admin_shared_;
  std::optional<event::ListeningSocket> admin_socket_;
  std::unique_ptr<http::Server> admin_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<telemetry::MetricCallback> callbacks_;
  event::Timer drain_poll_;
  HeapTrim heap_trim_;
  MonoTime drain_until_{};
  bool draining_ = false;
  bool drained_ = false;
  std::size_t lanes_draining_ = 0;  // workers whose lanes still hold something
  bool store_stopped_ = false;
};

}  // namespace tocsin::app
