#include "gateway/app/loop_plugins.h"

#include <utility>

namespace tocsin::app {

Result<LoopPlugins::Run*> LoopPlugins::start(const PluginPart& part) {
  if (Run* running = find(*part.instance)) return running;
  auto worker = part.instance->start_worker(environment_);
  if (!worker) {
    return fail(worker.error().code, worker.error().what, part.instance->logger());
  }
  Run run{.worker = *worker, .filter = {}, .handler = {}, .output = {}};
  if (part.kind == plugin::Kind::kFilter) {
    run.filter = std::make_unique<plugin::FilterAdapter>(**worker);
  }
  if (part.kind == plugin::Kind::kInput && part.code->handler != nullptr) {
    run.handler = std::make_unique<plugin::HandlerAdapter>(**worker);
  }
  return &runs_.emplace(part.instance.get(), std::move(run)).first->second;
}

Result<LoopPlugins::Run*> LoopPlugins::start(const OutputPart& part, stage::AttemptDone& done) {
  TOCSIN_TRY_SET(run, start(part.plugin));
  if (run->output == nullptr) {
    run->output = std::make_unique<plugin::OutputAdapter>(*run->worker, part.traits, done);
  }
  return run;
}

LoopPlugins::Run* LoopPlugins::find(const plugin::Instance& instance) {
  const auto found = runs_.find(&instance);
  return found == runs_.end() ? nullptr : &found->second;
}

// Adapters before the workers they stand on.
void LoopPlugins::finish(plugin::Instance& instance) {
  const auto found = runs_.find(&instance);
  if (found == runs_.end()) return;
  plugin::Worker* worker = found->second.worker;
  runs_.erase(found);
  worker->finish();
}

void LoopPlugins::finish_all(Function<void()> between) {
  const auto finish_those = [this](bool filters) {
    for (auto at = runs_.begin(); at != runs_.end();) {
      plugin::Worker* worker = at->second.worker;
      if ((worker->instance().kind() == plugin::Kind::kFilter) != filters) {
        ++at;
        continue;
      }
      at = runs_.erase(at);
      worker->finish();
    }
  };
  finish_those(false);
  between();
  finish_those(true);
}

}  // namespace tocsin::app
