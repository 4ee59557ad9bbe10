#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/app/estate.h"
#include "gateway/app/loop_plugins.h"
#include "gateway/app/pipeline_watch.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/rehearsed.h"
#include "gateway/app/snapshot.h"
#include "gateway/base/arena.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/load.h"
#include "gateway/event/loop.h"
#include "gateway/message/notification_codec.h"
#include "gateway/routing/pipeline.h"
#include "gateway/script/route.h"

namespace tocsin::app {

/// A configuration played through without a gateway: its own filters and router in the pipeline
/// that a gateway uses, on a loop that is thrown away and at a time of its own. There is no storage
/// and no network, nothing is delivered, and filters that remember begin with nothing. One thread.
class Rehearsal final : private routing::RoutedSink {
 public:
  /// What several rehearsals share. All of it outlives them.
  struct Lent {
    telemetry::Log& log;
    event::OffloadPool& pool;  ///< for filters that take work off the loop
  };

  /// Work off the loop that takes longer, by the real clock, is not waited for.
  static constexpr Duration kOffloadMax = std::chrono::seconds(5);
  /// Timers of filters that are kept apart in one wait; later ones fire together at its end.
  static constexpr int kTimerStepsMax = 100'000;

  /// `config` was accepted by load_gateway with this catalog. Its time begins at `now`. Faults:
  /// what cannot be made, or that the configuration takes no notifications at all.
  static tl::expected<std::unique_ptr<Rehearsal>, config::Diagnostics> make(
      const config::LoadedConfig& config, const PluginCatalog& catalog, WallTime now,
      const Lent& lent);
  ~Rehearsal() override;
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// Plays one event through. What is routed counts as committed, and the filters hear so.
  tl::expected<Rehearsed, message::Invalid> hear(std::string_view json);
  /// Lets time pass: timers of filters fire in their order.
  void wait(Duration time);

  const Snapshot& snapshot() const { return *snapshot_; }
  WallTime now() const { return clock_.wall(); }

 private:
  Rehearsal(WallTime now, const Lent& lent);
  config::Diagnostics prepare(const config::LoadedConfig& config, const PluginCatalog& catalog);
  config::Diagnostics start_filters();
  config::Diagnostics start_route_scripts();
  void on_routed(routing::Routed routed) override;
  void settle();
  bool works_off_loop();
  void pass_to(MonoTime when);

  ManualClock clock_;
  telemetry::Metrics metrics_{2};  // the estate's, and the loop's
  plugin::CrashMap crash_map_{2};  // the same; of no file
  event::Loop loop_;
  Estate estate_;
  std::shared_ptr<const Snapshot> snapshot_;
  BlockPool blocks_;
  LoopPlugins plugins_;
  std::vector<plugin::Worker*> workers_;
  std::vector<std::unique_ptr<FilterWatch>> filters_;
  std::vector<std::unique_ptr<script::ScriptRoute>> scripts_;
  std::vector<std::unique_ptr<ScriptWatch>> script_watches_;  // one for each
  std::optional<RouteWatch> routes_;
  std::optional<routing::Pipeline> pipeline_;
  Rehearsed* hearing_ = nullptr;  // the event that is in the pipeline
};

}  // namespace tocsin::app
