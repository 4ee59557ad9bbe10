#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/script/filter.h"
#include "gateway/script/instance.h"
#include "gateway/script/output.h"
#include "gateway/script/route.h"
#include "gateway/script/scripts.h"
#include "gateway/stage/filter.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::script {

/// A folder of its own for one test's scripts.
class ScriptFolder {
 public:
  ScriptFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tocsin-script-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~ScriptFolder() { std::filesystem::remove_all(path_); }
  ScriptFolder(const ScriptFolder&) = delete;
  ScriptFolder& operator=(const ScriptFolder&) = delete;

  /// The path of a file, or of a folder, in it.
  std::string at(const std::string& name) const { return (path_ / name).string(); }
  /// The path of a file with this text, which may stand in a folder of its own.
  std::string write(const std::string& name, std::string_view text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

/// A notification on its way through a filter.
class HeardCall final : public stage::FilterCall {
 public:
  explicit HeardCall(Arena& arena, std::string_view topic = "orders") : arena_(arena) {
    heard.topic = topic;
  }
  message::Notification& notification() override { return heard; }
  Arena& arena() override { return arena_; }
  std::string_view identity() const override { return own_identity; }
  void remember(std::uint64_t reservation) override { remembered = reservation; }
  void because(std::string_view why) override { reason = why; }
  void decide(stage::FilterStatus status) override {
    decided.push_back(status);
    if (on_decide) on_decide();
  }

  message::Notification heard;
  std::string own_identity;
  std::uint64_t remembered = 0;
  std::string reason;
  std::vector<stage::FilterStatus> decided;
  std::function<void()> on_decide;

 private:
  Arena& arena_;
};

/// A loop whose time stands still, and all that the process lends scripts.
class ScriptTest : public ::testing::Test {
 protected:
  /// `slices` is the clock that a script's time is measured with; null: the one that stands still.
  explicit ScriptTest(const Clock* slices = nullptr)
      : services{log, script_metrics, slices == nullptr ? clock : *slices} {
    loop.run_ready();  // this thread owns the loop
  }

  /// A script of this kind and the name "test"; its text is the body of create(cfg).
  std::shared_ptr<const Script> script_of(Kind kind, std::string_view create,
                                          std::string_view options = "{}") {
    const std::string text = "return {name = \"test\", kind = \"" + std::string(kind_name(kind)) +
                             "\", doc = \"A test.\", options = " + std::string(options) +
                             ", create = function(cfg)\n" + std::string(create) + "\nend}\n";
    const std::string path = folder.write("script" + std::to_string(scripts.size()) + ".lua", text);
    TableInspector inspect;
    auto opened = Script::open(path, kind, "test", inspect);
    EXPECT_TRUE(opened) << opened.error().what;
    scripts.push_back(std::move(*opened));
    return scripts.back();
  }
  Instance& instance_of(const std::shared_ptr<const Script>& script,
                        const Value& settings = Value(Value::Map(), {})) {
    auto made = Instance::create(script, "test", settings, services);
    EXPECT_TRUE(made) << made.error().what;
    instances.push_back(std::move(*made));
    return *instances.back();
  }
  Worker& worker_of(Instance& instance) {
    const Environment environment{.loop = loop, .client = client, .table = &table};
    auto worker = instance.start_worker(environment);
    EXPECT_TRUE(worker) << worker.error().text();
    return **worker;
  }
  /// on_message(n) has this body; `around` stands before it, in create().
  std::unique_ptr<ScriptFilter> filter_of(std::string_view on_message,
                                          std::string_view around = "") {
    const std::string create = std::string(around) + "\nreturn {on_message = function(n)\n" +
                               std::string(on_message) + "\nend}";
    return std::make_unique<ScriptFilter>(worker_of(instance_of(script_of(Kind::kFilter, create))));
  }
  stage::FilterStatus ask(ScriptFilter& filter, std::string_view topic = "orders") {
    HeardCall call(arena, topic);
    return filter.on_message(call);
  }

  std::uint64_t errors(Failure::Kind kind, std::string_view label = "filter/test") {
    return metrics
        .counters("tocsin_script_errors_total",
                  "Calls of a script that ended with an error, by why.", {"plugin", "id", "reason"})
        .with({label, "test", failure_name(kind)})
        .value();
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
  std::string logged() {
    log.flush(std::chrono::seconds(10));
    return sink->text();
  }

  ManualClock clock;
  std::shared_ptr<telemetry::SinkState> sink = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(sink), {}, clock};
  telemetry::Metrics metrics{1};
  ScriptMetrics script_metrics{metrics};
  event::Loop loop{{.name = "test", .clock = &clock}};
  policy::SharedTable table{policy::TableOptions{}};
  http::HttpClient* client = nullptr;
  Services services;
  BlockPool blocks;
  Arena arena{blocks, 65536};
  ScriptFolder folder;
  std::vector<std::shared_ptr<const Script>> scripts;
  std::vector<std::unique_ptr<Instance>> instances;
};

}  // namespace tocsin::script
