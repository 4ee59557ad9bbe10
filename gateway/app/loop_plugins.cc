#include "gateway/app/loop_plugins.h"

#include <utility>

namespace tocsin::app {

Result<LoopPlugins::Run*> LoopPlugins::start(const PluginPart& part) {
  if (Run* running = find(*part.instance)) return running;
  auto worker = part.instance->start_worker(environment_);
  if (!worker) {
    return fail(worker.error().code, worker.error().what, part.instance->logger());
  }
  Run run{.worker = *worker, .filter = {}, .handler = {}, .output = {}, .draining = false};
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

void LoopPlugins::reconfigure(const plugin::Instance& instance) {
  if (Run* run = find(instance)) run->worker->reconfigure();
}

void LoopPlugins::take_up(const plugin::Instance& instance) {
  Run* run = find(instance);
  if (run != nullptr && !run->draining) run->worker->take_up();
}

void LoopPlugins::drain(Run& run, MonoTime deadline) {
  if (!std::exchange(run.draining, true)) run.worker->drain(deadline);
}

void LoopPlugins::drain(const plugin::Instance& instance, MonoTime deadline) {
  if (Run* run = find(instance)) drain(*run, deadline);
}

void LoopPlugins::drain_all(MonoTime deadline) {
  for (auto& [instance, run] : runs_) {
    if (run.filter == nullptr) drain(run, deadline);
  }
}

bool LoopPlugins::busy(const plugin::Instance& instance) {
  const Run* run = find(instance);
  return run != nullptr && run->worker->under_way() > 0;
}

void LoopPlugins::cut(const plugin::Instance& instance) {
  Run* run = find(instance);
  if (run == nullptr) return;
  if (run->filter != nullptr) run->filter->cut();
  if (run->handler != nullptr) run->handler->cut();
}

// Adapters before the workers they stand on.
void LoopPlugins::finish(plugin::Instance& instance) {
  const auto found = runs_.find(&instance);
  if (found == runs_.end()) return;
  plugin::Worker* worker = found->second.worker;
  drain(found->second, environment_.loop.now());
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
      drain(at->second, environment_.loop.now());
      at = runs_.erase(at);
      worker->finish();
    }
  };
  finish_those(false);
  between();
  finish_those(true);
}

}  // namespace tocsin::app
