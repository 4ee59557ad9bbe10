#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/component.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/storage_thread.h"
#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"
#include "gateway/delivery/account_gate.h"
#include "gateway/delivery/overload_guard.h"
#include "gateway/delivery/pace_book.h"
#include "gateway/event/offload_pool.h"
#include "gateway/event/tls.h"
#include "gateway/http/client_metrics.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/plugin_metrics.h"
#include "gateway/policy/shared_table.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// A store that is open, with its thread, and not served yet. Made and ended on the construction
/// thread.
struct OpenStore {
  OpenStore() = default;
  ~OpenStore();
  OpenStore(const OpenStore&) = delete;
  OpenStore& operator=(const OpenStore&) = delete;

  CallUnderWay* calls = nullptr;  ///< told of the calls that end it
  plugin::InstancePtr instance;
  std::unique_ptr<StorageThread> thread;
  Value settings;  ///< what it was opened with
};

/// What outlives snapshots and belongs to no loop: the store, the shared table, where each output
/// is at home. Each loop's share is a LoopEstate. Control thread, except where it says otherwise.
class Estate {
 public:
  /// What the process lends. All of it outlives this object.
  struct Process {
    telemetry::Log& log;
    telemetry::Metrics& metrics;
    event::OffloadPool& pool;
    std::size_t workers = 1;
    std::size_t storage_shard = 0;  ///< of the metrics
    plugin::CrashMap& crash_map;
    const Clock& clock = SystemClock::instance();  ///< what plugins take the time from
    bool join_store = false;        ///< that another process of this gateway still uses
    CallUnderWay* calls = nullptr;  ///< told of calls into plugins that make them
    std::string instance{};         ///< what tells this gateway from others on its store
  };
  explicit Estate(const Process& process);
  ~Estate();
  Estate(const Estate&) = delete;
  Estate& operator=(const Estate&) = delete;

  /// Opens the store that the root names, and reads the suppressed addresses in it. The crash map
  /// is beside it from now on. It is nobody's yet. Construction thread.
  tl::expected<std::shared_ptr<OpenStore>, config::Diagnostics> open_store(
      const Value& root, const PluginCatalog& catalog);
  /// That is the store of this process from now on, until give_up_store(): then no port to it is
  /// left.
  void take(std::shared_ptr<OpenStore> store);
  void give_up_store() { store_.reset(); }
  /// Goes over to what a later root says of the history.
  void adopt(const Value& root);
  bool has_store() const { return store_ != nullptr; }
  /// Only with a store.
  StorageThread& storage() { return *store_->thread; }
  /// What it was opened with; null without a store.
  const Value* storage_settings() const { return has_store() ? &store_->settings : nullptr; }

  /// The worker an output's lane lives on: the same for as long as the process runs. Outputs are
  /// spread in the order they are first named. Construction thread.
  std::size_t home_of(const std::string& output);

  /// How long the output begins no attempt, because it was found after crashes; zero: it may. Any
  /// thread.
  Duration quarantine_of(std::string_view plugin, std::string_view id) const;
  /// Ends that, and forgets what was found. Control thread.
  void forgive(std::string_view plugin, std::string_view id);

  /// What the output shares with others of its account, whatever loops they live on; null: it has
  /// no account. Any thread.
  std::shared_ptr<delivery::AccountGate> account_of(std::string_view type,
                                                    std::string_view account) const {
    return accounts_.find(type, account);
  }

  /// What lanes that are made begin with. Any thread.
  delivery::PaceBook& paces() const { return paces_; }
  /// Whether lanes that are made have to wait, as the process before still begins attempts. Any
  /// thread.
  bool awaits_lanes() const { return awaits_lanes_; }
  void stop_awaiting_lanes() { awaits_lanes_ = false; }

  const ComponentServices& services() const { return services_; }
  policy::SharedTable& table() { return table_; }
  /// Holds nothing but suppressed addresses.
  policy::SharedTable& suppressions() { return suppressions_; }
  event::OffloadPool& pool() { return process_.pool; }
  telemetry::Log& log() { return process_.log; }
  telemetry::Metrics& metrics() { return process_.metrics; }
  http::ClientMetrics& client_metrics() { return client_metrics_; }
  /// For requests without TLS settings of their own; read when first asked. Any thread.
  Result<std::shared_ptr<const event::TlsContext>> client_tls();
  delivery::OverloadGuard& overload() { return overload_; }

 private:
  void blame_crashes(const Value& root, std::vector<message::DeliveryId>& blamed);

  const Process process_;
  plugin::PluginMetrics plugin_metrics_;
  script::ScriptMetrics script_metrics_;
  http::ClientMetrics client_metrics_;
  delivery::OverloadGuard overload_;
  const ComponentServices services_;
  mutable std::mutex mutex_;
  MonoTime quarantined_until_{};                         // guarded by mutex_
  std::vector<plugin::CrashFinding> suspects_;           // guarded by mutex_
  std::shared_ptr<const event::TlsContext> client_tls_;  // guarded by mutex_
  mutable delivery::AccountGates accounts_;
  mutable delivery::PaceBook paces_;
  std::atomic<bool> awaits_lanes_;
  policy::SharedTable table_;
  policy::SharedTable suppressions_;
  std::map<std::string, std::size_t, std::less<>> homes_;
  std::shared_ptr<OpenStore> store_;
};

}  // namespace tocsin::app
