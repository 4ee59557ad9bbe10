#include "gateway/app/loop_plugins.h"

#include <utility>

#include "gateway/plugin/filter_adapter.h"
#include "gateway/plugin/output_adapter.h"
#include "gateway/script/filter.h"
#include "gateway/script/output.h"

namespace tocsin::app {

Result<LoopPlugins::Run*> LoopPlugins::start(const PluginPart& part) {
  if (Run* running = find(*part.instance)) return running;
  Result<Run> run = begin(part);
  if (!run) return fail(run.error().code, run.error().what, part.instance->logger());
  return &runs_.emplace(part.instance.get(), std::move(*run)).first->second;
}

Result<LoopPlugins::Run> LoopPlugins::begin(const PluginPart& part) {
  Run run;
  run.kind = part.kind;
  if (script::Instance* instance = part.instance->script()) {
    TOCSIN_TRY_SET(worker, instance->start_worker({.loop = environment_.loop,
                                                   .client = environment_.client,
                                                   .table = environment_.table}));
    run.script = worker;
    if (instance->script().kind() == script::Kind::kFilter) {
      auto filter = std::make_unique<script::ScriptFilter>(*worker);
      run.script_filter = filter.get();
      run.filter = std::move(filter);
    }
    return run;
  }
  TOCSIN_TRY_SET(worker, part.instance->compiled()->start_worker(environment_));
  run.compiled = worker;
  if (part.kind == plugin::Kind::kFilter) {
    auto filter = std::make_unique<plugin::FilterAdapter>(*worker);
    run.compiled_filter = filter.get();
    run.filter = std::move(filter);
  }
  const bool may_answer = part.kind == plugin::Kind::kInput || part.kind == plugin::Kind::kOutput;
  if (may_answer && part.code.handles()) {
    run.handler = std::make_unique<plugin::HandlerAdapter>(*worker);
  }
  return run;
}

Result<LoopPlugins::Run*> LoopPlugins::start(const OutputPart& part, stage::AttemptDone& done) {
  TOCSIN_TRY_SET(run, start(part.plugin));
  if (run->output != nullptr) return run;
  if (run->script != nullptr) {
    run->output = std::make_unique<script::ScriptOutput>(*run->script, done);
  } else {
    run->output = std::make_unique<plugin::OutputAdapter>(*run->compiled, part.traits, done);
  }
  return run;
}

LoopPlugins::Run* LoopPlugins::find(const Component& instance) {
  const auto found = runs_.find(&instance);
  return found == runs_.end() ? nullptr : &found->second;
}

void LoopPlugins::reconfigure(const Component& instance) {
  Run* run = find(instance);
  if (run == nullptr) return;
  run->compiled != nullptr ? run->compiled->reconfigure() : run->script->reconfigure();
}

void LoopPlugins::take_up(const Component& instance) {
  Run* run = find(instance);
  if (run == nullptr || run->compiled == nullptr || run->draining) return;
  run->compiled->take_up();
}

void LoopPlugins::drain(Run& run, MonoTime deadline) {
  if (std::exchange(run.draining, true) || run.compiled == nullptr) return;
  run.compiled->drain(deadline);
}

void LoopPlugins::drain(const Component& instance, MonoTime deadline) {
  if (Run* run = find(instance)) drain(*run, deadline);
}

void LoopPlugins::drain_all(MonoTime deadline) {
  for (auto& [instance, run] : runs_) {
    if (run.kind != plugin::Kind::kFilter) drain(run, deadline);
  }
}

bool LoopPlugins::busy(const Component& instance) {
  const Run* run = find(instance);
  if (run == nullptr) return false;
  if (run->script_filter != nullptr) return run->script_filter->under_way() > 0;
  return run->compiled != nullptr && run->compiled->under_way() > 0;
}

void LoopPlugins::cut(const Component& instance) {
  Run* run = find(instance);
  if (run == nullptr) return;
  if (run->compiled_filter != nullptr) run->compiled_filter->cut();
  if (run->script_filter != nullptr) run->script_filter->cut();
  if (run->handler != nullptr) run->handler->cut();
}

// Adapters before the workers they stand on.
LoopPlugins::Runs::iterator LoopPlugins::end(Runs::iterator at) {
  plugin::Worker* const compiled = at->second.compiled;
  script::Worker* const script = at->second.script;
  at = runs_.erase(at);
  if (compiled != nullptr) compiled->finish();
  if (script != nullptr) script->finish();
  return at;
}

void LoopPlugins::finish(Component& instance) {
  const auto found = runs_.find(&instance);
  if (found == runs_.end()) return;
  drain(found->second, environment_.loop.now());
  end(found);
}

void LoopPlugins::finish_all(Function<void()> between) {
  const auto finish_those = [this](bool filters) {
    for (auto at = runs_.begin(); at != runs_.end();) {
      if ((at->second.kind == plugin::Kind::kFilter) != filters) {
        ++at;
        continue;
      }
      drain(at->second, environment_.loop.now());
      at = end(at);
    }
  };
  finish_those(false);
  between();
  finish_those(true);
}

}  // namespace tocsin::app
