#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/event/loop.h"
#include "gateway/event/offload_pool.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/output_adapter.h"
#include "tests/unit/telemetry/test_sink.h"
#include "tocsin/plugin.hpp"

namespace tocsin::plugin {

/// Plugins made in the test itself, through the same headers as any other; `script` says what they
/// do.
template <typename Script>
struct Scripted {
  static inline Script* script = nullptr;
};

struct OutputScript {
  std::function<void(const sdk::Host&, const sdk::Attempt&)> deliver = [](const sdk::Host&,
                                                                          const sdk::Attempt&) {};
  std::function<void(const sdk::Host&, tocsin_token)> cancel = [](const sdk::Host&, tocsin_token) {
  };
  std::function<void(const sdk::Host&)> start = [](const sdk::Host&) {};
  std::function<void()> end = [] {};
  sdk::OutputTraits traits = {.batch_max = 8};
};

class ScriptedOutput final : public sdk::Output {
 public:
  using Script = Scripted<OutputScript>;
  struct Settings {
    bool load(const sdk::Setup& setup, sdk::Fault& fault) {
      const std::string_view refused = setup.settings["refuse"].text_view();
      return refused.empty() || fault.refuse(refused, "refuse");
    }
  };
  static constexpr sdk::Option kOptions[] = {{.key = "refuse", .doc = "Refuse with these words."}};
  static constexpr sdk::About kAbout = {"scripted", "0.0.1", "Does what a test says.", kOptions};
  static sdk::OutputTraits traits(const Settings&) { return Script::script->traits; }

  ScriptedOutput(const Settings&, sdk::Host host) : host_(host) { Script::script->start(host); }
  ~ScriptedOutput() override { Script::script->end(); }
  void deliver(const sdk::Attempt& attempt) override { Script::script->deliver(host_, attempt); }
  void cancel(tocsin_token attempt) override { Script::script->cancel(host_, attempt); }

 private:
  sdk::Host host_;
};

/// What the lane of a test hears.
struct HeardVerdicts final : stage::AttemptDone {
  void complete(stage::AttemptToken token, message::Verdict verdict) override {
    verdicts.emplace_back(token, std::move(verdict));
    if (on_complete) on_complete();
  }
  std::vector<std::pair<stage::AttemptToken, message::Verdict>> verdicts;
  std::function<void()> on_complete;
};

/// A loop whose time stands still, and all that the process lends plugins.
class PluginTest : public ::testing::Test {
 protected:
  PluginTest() { loop.run_ready(); }  // this thread owns the loop

  template <typename T>
  InstancePtr instance_of(Kind kind, const Value& settings = Value(Value::Map(), Place())) {
    auto made = Instance::create(*sdk::Entry<T>::descriptor(), {kind, "test"}, settings, services);
    EXPECT_TRUE(made) << made.error().what;
    return std::move(*made);
  }
  Worker& start(Instance& instance) {
    auto worker = instance.start_worker(environment);
    EXPECT_TRUE(worker) << worker.error().text();
    return **worker;
  }

  void run() {
    for (int i = 0; i < 10; ++i) loop.run_ready();
  }
  void advance(Duration by) {
    clock.advance(by);
    run();
  }
  bool until(const std::function<bool()>& holds) {
    const auto stop = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds() && std::chrono::steady_clock::now() < stop) loop.run_ready();
    return holds();
  }
  /// Everything logged so far.
  std::string logged() {
    log.flush(std::chrono::seconds(10));
    return sink->text();
  }

  ManualClock clock;
  std::shared_ptr<telemetry::SinkState> sink = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(sink), {}, clock};
  telemetry::Metrics metrics{1};
  PluginMetrics plugin_metrics{metrics};
  event::Loop loop{{.name = "test", .clock = &clock}};
  event::OffloadPool pool{1, 16};
  policy::SharedTable table{policy::TableOptions{}};
  Services services{log, plugin_metrics, clock};
  Environment environment{.loop = loop, .pool = &pool, .table = &table};
};

inline Value text_value(std::string text) { return Value(Value::Data(std::move(text)), Place()); }

inline Value settings_of(std::vector<std::pair<std::string, Value>> entries) {
  Value::Map map;
  for (auto& [key, value] : entries) map.push_back({key, std::move(value), Place()});
  return Value(std::move(map), Place());
}

}  // namespace tocsin::plugin
