#pragma once

#include <memory>
#include <string>

#include "gateway/admin/config_door.h"
#include "gateway/app/access_log_sweep.h"
#include "gateway/app/access_logs.h"
#include "gateway/app/call_under_way.h"
#include "gateway/app/construction_thread.h"
#include "gateway/app/estate.h"
#include "gateway/app/listener_set.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/snapshot_build.h"
#include "gateway/app/snapshot_swap.h"
#include "gateway/app/store_lending.h"
#include "gateway/config/environment.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// Replaces the running configuration by what its files say now, or says why not; then nothing has
/// changed. One reload at a time. Control thread.
///
///   request -> built on the construction thread -> its store lent -> ports and logs taken
///           -> swapped -> answer
///                    \-> a plugin hangs: refused, and so is what comes until it is back
class Reloader final : public admin::ConfigDoor {
 public:
  /// How long one call into a plugin may take, and how long the whole building, which also loads
  /// plugins and tries them in a process of their own.
  static constexpr Duration kCallMax = std::chrono::seconds(10);
  static constexpr Duration kBuildMax = std::chrono::seconds(60);

  struct Parts {
    event::Loop& control;
    ConstructionThread& construction;
    CallUnderWay& calls;  ///< of the construction thread
    Estate& estate;
    SnapshotSwap& swap;
    StoreLending& lending;
    ListenerSet& listeners;
    AccessLogs& access_logs;
    AccessLogSweep& log_sweep;
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
  /// The same for who cannot ask again: when a reload is under way, another one follows it. Of
  /// several that ask meanwhile the first hears of it.
  void reload_afterwards(Function<void(const admin::ReloadOutcome&)> done);
  /// Answers all who wait; nothing changes any more.
  void stop();

 private:
  using Outcome = admin::ReloadOutcome;
  using BuildPtr = std::shared_ptr<SnapshotBuild>;
  struct Attempt;
  static constexpr Duration kLook = std::chrono::milliseconds(100);

  void begin(Function<void(const Outcome&)> done);
  void build();
  void built(const BuildPtr& build);
  void lend_store();
  void look_at_build();
  void install_when_ready();
  void installed(Result<void> came_to);
  void refuse(config::Diagnostics faults);
  void finish(Outcome outcome);
  Outcome ended(Outcome::Kind kind) const;
  void tell_of_metrics(const Snapshot& serving);
  config::Diagnostic fault_in(std::string_view instance, std::string text) const;
  const Place* place_of_key(std::string_view key, std::string_view id) const;

  Parts parts_;
  std::unique_ptr<PluginCatalog> catalog_;     // of the snapshot that serves
  std::unique_ptr<Attempt> attempt_;           // under way
  BuildPtr stuck_;                             // given up, and still on the construction thread
  Function<void(const Outcome&)> afterwards_;  // who wants the next one
  admin::ConfigState state_;
  event::Timer build_look_;
  std::uint64_t numbers_ = 1;
  bool stopped_ = false;
  bool told_of_metrics_ = false;
  telemetry::Gauge& success_;
  telemetry::Gauge& loaded_at_;
  telemetry::Gauge& alive_;
  telemetry::Counter& applied_;
  telemetry::Counter& unchanged_;
  telemetry::Counter& refused_;
};

}  // namespace tocsin::app
