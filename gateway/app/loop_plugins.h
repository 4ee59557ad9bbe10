#pragma once

#include <map>
#include <memory>

#include "gateway/app/snapshot.h"
#include "gateway/base/result.h"
#include "gateway/delivery/lane.h"
#include "gateway/plugin/filter_adapter.h"
#include "gateway/plugin/handler_adapter.h"
#include "gateway/plugin/output_adapter.h"
#include "gateway/plugin/worker.h"

namespace tocsin::app {

/// The plugin instances that run on one loop, each once, whatever number of snapshots uses it. The
/// loop's thread.
class LoopPlugins {
 public:
  /// What stands between the gateway and an instance here; what its kind has no use for is null.
  struct Run {
    plugin::Worker* worker = nullptr;
    std::unique_ptr<plugin::FilterAdapter> filter;
    std::unique_ptr<plugin::HandlerAdapter> handler;
    std::unique_ptr<plugin::OutputAdapter> output;
  };

  explicit LoopPlugins(const plugin::Environment& environment) : environment_(environment) {}

  /// The run of the instance, begun now unless it runs. An error is the plugin's words, and names
  /// it.
  Result<Run*> start(const PluginPart& part);
  /// The same for an output, whose verdicts `done` takes.
  Result<Run*> start(const OutputPart& part, stage::AttemptDone& done);
  Run* find(const plugin::Instance& instance);

  /// Ends its run, if there is one. Nothing of the gateway uses it any more.
  void finish(plugin::Instance& instance);
  /// Ends all: outputs and inputs first, then, when `between` has returned, filters.
  void finish_all(Function<void()> between);

 private:
  const plugin::Environment environment_;
  std::map<const plugin::Instance*, Run> runs_;
};

}  // namespace tocsin::app
