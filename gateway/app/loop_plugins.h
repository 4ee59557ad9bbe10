#pragma once

#include <map>
#include <memory>

#include "gateway/app/snapshot.h"
#include "gateway/base/result.h"
#include "gateway/delivery/lane.h"
#include "gateway/plugin/filter_adapter.h"
#include "gateway/plugin/handler_adapter.h"
#include "gateway/plugin/worker.h"
#include "gateway/script/filter.h"
#include "gateway/script/worker.h"
#include "gateway/stage/filter.h"
#include "gateway/stage/output.h"

namespace tocsin::app {

/// The plugin instances that run on one loop, each once, whatever number of snapshots uses it. The
/// loop's thread.
class LoopPlugins {
 public:
  /// What stands between the gateway and an instance here; what its kind has no use for is null.
  struct Run {
    plugin::Kind kind = plugin::Kind::kOutput;
    plugin::Worker* compiled = nullptr;  ///< one of these two
    script::Worker* script = nullptr;
    std::unique_ptr<stage::Filter> filter;
    std::unique_ptr<plugin::HandlerAdapter> handler;
    std::unique_ptr<stage::Output> output;
    plugin::FilterAdapter* compiled_filter = nullptr;  ///< what `filter` is, one of these two
    script::ScriptFilter* script_filter = nullptr;
    bool draining = false;
  };

  explicit LoopPlugins(const plugin::Environment& environment) : environment_(environment) {}

  /// The run of the instance, begun now unless it runs. An error is the plugin's words, and names
  /// it.
  Result<Run*> start(const PluginPart& part);
  /// The same for an output, whose verdicts `done` takes.
  Result<Run*> start(const OutputPart& part, stage::AttemptDone& done);
  Run* find(const Component& instance);

  /// Adopts what the instance has prepared, if it runs.
  void reconfigure(const Component& instance);
  /// Lets it take what only one can hold: what it replaces has ended on every loop.
  void take_up(const Component& instance);
  /// Tells it once that nothing new will come, and when its run ends at the latest.
  void drain(const Component& instance, MonoTime deadline);
  /// The same of all that are no filters: what inputs begin still passes those.
  void drain_all(MonoTime deadline);
  /// Whether something of it is under way.
  bool busy(const Component& instance);
  /// Ends what is under way; attempts are the lane's to end.
  void cut(const Component& instance);

  /// Ends its run, if there is one, and drains it before unless that was done. Nothing of the
  /// gateway uses it any more.
  void finish(Component& instance);
  /// Ends all: outputs and inputs first, then, when `between` has returned, filters.
  void finish_all(Function<void()> between);

 private:
  using Runs = std::map<const Component*, Run>;
  Result<Run> begin(const PluginPart& part);
  Runs::iterator end(Runs::iterator at);
  void drain(Run& run, MonoTime deadline);

  const plugin::Environment environment_;
  Runs runs_;
};

}  // namespace tocsin::app
