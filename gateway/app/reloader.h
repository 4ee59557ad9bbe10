#pragma once

#include <deque>
#include <memory>
#include <string>

#include "gateway/admin/config_door.h"
#include "gateway/app/access_logs.h"
#include "gateway/app/estate.h"
#include "gateway/app/listener_set.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/snapshot_swap.h"
#include "gateway/config/environment.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// Replaces the running configuration by what its files say now, or says why not; then nothing has
/// changed. One reload at a time; who asks meanwhile is answered by the next one. Control thread.
///
///   request -> load, check -> plugins tried in a process of their own -> made -> swapped -> answer
class Reloader final : public admin::ConfigDoor {
 public:
  /// Callers that wait; more are told kBusy.
  static constexpr std::size_t kWaitingMax = 256;

  struct Parts {
    event::Loop& control;
    Estate& estate;
    SnapshotSwap& swap;
    ListenerSet& listeners;
    AccessLogs& access_logs;
    telemetry::Log& log;
    telemetry::Metrics& metrics;
    std::string path;  ///< the configuration file
    const config::Environment& environment;
    /// Takes what only the process can use of a snapshot that was just installed.
    Function<void(const Snapshot&)> adopt;
    /// Looks, before anything changes, whether it could: opens what it needs.
    Function<config::Diagnostics(const Snapshot&)> may_adopt;
  };
  explicit Reloader(Parts parts);
  ~Reloader() override;

  /// The first snapshot serves.
  void began(const Snapshot& first);
  admin::ConfigState state() const override;
  void reload(Function<void(const admin::ReloadOutcome&)> done) override;
  /// Answers all who wait; nothing changes any more.
  void stop();

 private:
  using Outcome = admin::ReloadOutcome;
  struct Attempt;

  void begin();
  void load();
  void try_plugins();
  void make();
  void install_when_ready();
  void installed(Result<void> came_to);
  void refuse(config::Diagnostics faults);
  void finish(Outcome outcome);
  config::Diagnostic fault_of(const Error& error) const;

  Parts parts_;
  std::unique_ptr<PluginCatalog> catalog_;  // of the attempt, then of the snapshot that serves
  std::unique_ptr<Attempt> attempt_;        // under way
  std::deque<Function<void(const Outcome&)>> waiting_;
  admin::ConfigState state_;
  std::uint64_t numbers_ = 1;
  bool stopped_ = false;
  telemetry::Gauge& success_;
  telemetry::Gauge& loaded_at_;
  telemetry::Gauge& alive_;
  telemetry::Counter& applied_;
  telemetry::Counter& unchanged_;
  telemetry::Counter& refused_;
};

}  // namespace tocsin::app
