// Every case of the table, on each implementation of its sample, through the doors that the
// gateway's pipeline sees.

#include "gateway/script/filter.h"

#include <gtest/gtest.h>

#include <memory>

#include "gateway/config/validation.h"
#include "gateway/config/yaml_reader.h"
#include "gateway/plugin/filter_adapter.h"
#include "gateway/plugin/libraries.h"
#include "gateway/script/instance.h"
#include "gateway/script/scripts.h"
#include "tests/conformance/filter/filter_cases.h"
#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::conformance {
namespace {

/// What filters run on.
struct Bench {
  const plugin::Services& services;
  const plugin::Environment& environment;
  const script::Services& scripts;
};

/// One filter on a bench. Lives as long as it is driven.
class Sample {
 public:
  virtual ~Sample() = default;
  virtual stage::Filter& filter() = 0;
  /// Gives it other values of reloadable options, as a reload does.
  virtual void reconfigure(const char* settings) = 0;
};

struct NoComponents final : config::ComponentCatalog {
  const OptionTable* find(std::string_view, std::string_view) const override { return nullptr; }
  std::vector<std::string_view> names(std::string_view) const override { return {}; }
};

Value typed(const char* settings, const OptionTable& table) {
  const auto root = config::read_yaml(settings, std::make_shared<std::string>("case.yaml"));
  EXPECT_TRUE(root) << root.error().front().message;
  auto value = config::validate(*root, table, NoComponents());
  EXPECT_TRUE(value) << value.error().front().message;
  return std::move(*value);
}

/// The shared object that is shipped.
class SharedObject final : public Sample {
 public:
  SharedObject(const FilterCase& what, const Bench& bench) {
    static plugin::Libraries libraries({TOCSIN_PLUGINS}, config::table_mistakes);
    const auto library = libraries.find(plugin::Kind::kFilter, what.sample);
    EXPECT_TRUE(library) << library.error().text();
    options_ = &(*library)->options();
    auto made =
        plugin::Instance::create((*library)->descriptor(), {plugin::Kind::kFilter, what.sample},
                                 typed(what.settings, (*library)->options()), bench.services);
    EXPECT_TRUE(made) << made.error().what;
    instance_ = std::move(*made);
    worker_ = *instance_->start_worker(bench.environment);
    adapter_ = std::make_unique<plugin::FilterAdapter>(*worker_);
  }
  ~SharedObject() override {
    adapter_.reset();
    worker_->finish();
  }
  stage::Filter& filter() override { return *adapter_; }
  void reconfigure(const char* settings) override {
    const auto taken = instance_->reconfigure(typed(settings, *options_));
    EXPECT_TRUE(taken) << taken.error().what;
    worker_->reconfigure();
  }

 private:
  const OptionTable* options_ = nullptr;
  plugin::InstancePtr instance_;
  plugin::Worker* worker_ = nullptr;
  std::unique_ptr<plugin::FilterAdapter> adapter_;
};

/// The script that shows the same in Lua.
class LuaTwin final : public Sample {
 public:
  LuaTwin(const FilterCase& what, const Bench& bench) {
    script::Scripts scripts({TOCSIN_LUA "/examples"}, config::table_mistakes,
                            {TOCSIN_LUA "/tocsin"});
    const auto script = scripts.find(script::Kind::kFilter, what.sample);
    EXPECT_TRUE(script) << script.error().text();
    auto made = script::Instance::create(*script, what.sample,
                                         typed(what.settings, (*script)->options()), bench.scripts);
    EXPECT_TRUE(made) << made.error().what;
    instance_ = std::move(*made);
    worker_ = *instance_->start_worker({.loop = bench.environment.loop,
                                        .client = bench.environment.client,
                                        .table = bench.environment.table});
    filter_ = std::make_unique<script::ScriptFilter>(*worker_);
  }
  ~LuaTwin() override {
    filter_.reset();
    worker_->finish();
  }
  stage::Filter& filter() override { return *filter_; }
  void reconfigure(const char* settings) override {
    const auto taken = instance_->reconfigure(typed(settings, instance_->script().options()));
    EXPECT_TRUE(taken) << taken.error().what;
    worker_->reconfigure();
  }

 private:
  std::unique_ptr<script::Instance> instance_;
  script::Worker* worker_ = nullptr;
  std::unique_ptr<script::ScriptFilter> filter_;
};

/// A way to write samples. Another one is a row below and nothing else.
struct Implementation {
  const char* name;
  std::unique_ptr<Sample> (*make)(const FilterCase& what, const Bench& bench);
};

std::vector<Implementation> implementations() {
  return {{"SharedObject",
           [](const FilterCase& what, const Bench& bench) {
             return std::unique_ptr<Sample>(std::make_unique<SharedObject>(what, bench));
           }},
          {"LuaTwin", [](const FilterCase& what, const Bench& bench) {
             return std::unique_ptr<Sample>(std::make_unique<LuaTwin>(what, bench));
           }}};
}

class Call final : public stage::FilterCall {
 public:
  Call(const Heard& heard, Arena& arena) : heard_(heard), arena_(arena) {
    for (const auto& [name, value] : heard.labels) labels_.push_back({name, value});
    notification_.topic = heard.topic;
    notification_.level = heard.level;
    notification_.labels = labels_;
  }
  message::Notification& notification() override { return notification_; }
  Arena& arena() override { return arena_; }
  std::string_view identity() const override { return heard_.identity; }
  void remember(std::uint64_t reservation) override { remembered = reservation; }
  void decide(stage::FilterStatus status) override { decided = status; }

  std::uint64_t remembered = 0;
  std::optional<stage::FilterStatus> decided;

 private:
  const Heard& heard_;
  Arena& arena_;
  std::vector<message::Label> labels_;
  message::Notification notification_;
};

using Parameters = std::tuple<Implementation, FilterCase>;

class FilterConformance : public plugin::PluginTest,
                          public ::testing::WithParamInterface<Parameters> {
 protected:
  stage::FilterStatus decision(stage::Filter& filter, Call& call) {
    const stage::FilterStatus status = filter.on_message(call);
    if (status != stage::FilterStatus::kHold) return status;
    EXPECT_TRUE(until([&] { return call.decided.has_value(); })) << "held for ever";
    return call.decided.value_or(stage::FilterStatus::kHold);
  }

  script::ScriptMetrics script_metrics{metrics};
  script::Services script_services{log, script_metrics, clock};
  BlockPool blocks;
  Arena arena{blocks, 65536};
};

TEST_P(FilterConformance, DecidesAsTheTableSays) {
  const auto& [implementation, what] = GetParam();
  const auto sample = implementation.make(what, Bench{services, environment, script_services});
  stage::Filter& filter = sample->filter();
  std::uint64_t reservation = 0;
  for (std::size_t i = 0; i < what.steps.size(); ++i) {
    const Step& step = what.steps[i];
    switch (step.kind) {
      case Step::Kind::kHear: {
        Call call(step.heard, arena);
        EXPECT_EQ(decision(filter, call), step.expected) << "step " << i;
        if (call.remembered != 0) reservation = call.remembered;
        break;
      }
      case Step::Kind::kOutcome:
        ASSERT_NE(reservation, 0U) << "step " << i;
        filter.on_outcome(std::exchange(reservation, 0), step.committed);
        break;
      case Step::Kind::kWait:
        advance(step.wait);
        break;
      case Step::Kind::kReconfigure:
        sample->reconfigure(step.settings);
        break;
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<Parameters>& test) {
  return std::string(std::get<Implementation>(test.param).name) +
         std::get<FilterCase>(test.param).name;
}

INSTANTIATE_TEST_SUITE_P(, FilterConformance,
                         ::testing::Combine(::testing::ValuesIn(implementations()),
                                            ::testing::ValuesIn(filter_cases())),
                         name_of);

}  // namespace
}  // namespace tocsin::conformance
