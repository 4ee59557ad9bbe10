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
      run.filter = std::make_unique<script::ScriptFilter>(*worker);
    }
    return run;
  }
  TOCSIN_TRY_SET(worker, part.instance->compiled()->start_worker(environment_));
  run.compiled = worker;
  if (part.kind == plugin::Kind::kFilter) {
    run.filter = std::make_unique<plugin::FilterAdapter>(*worker);
  }
  if (part.kind == plugin::Kind::kInput && part.code.handles()) {
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
  if (found != runs_.end()) end(found);
}

void LoopPlugins::finish_all(Function<void()> between) {
  const auto finish_those = [this](bool filters) {
    for (auto at = runs_.begin(); at != runs_.end();) {
      at = (at->second.kind == plugin::Kind::kFilter) == filters ? end(at) : std::next(at);
    }
  };
  finish_those(false);
  between();
  finish_those(true);
}

}  // namespace tocsin::app
