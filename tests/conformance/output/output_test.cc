// Every case of the table, on each implementation of its sample, through the doors that a lane sees
// and with a receiver on a socket.

#include "gateway/script/output.h"

#include <gtest/gtest.h>

#include <memory>

#include "gateway/config/validation.h"
#include "gateway/config/yaml_reader.h"
#include "gateway/plugin/libraries.h"
#include "gateway/script/instance.h"
#include "gateway/script/scripts.h"
#include "tests/conformance/output/output_cases.h"
#include "tests/unit/http/client_fixture.h"
#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::conformance {
namespace {

/// What outputs run on, and who hears of them.
struct Bench {
  const plugin::Services& services;
  const script::Services& scripts;
  const plugin::Environment& environment;
  stage::AttemptDone& done;
};

/// One output on a bench. Lives as long as it is driven.
class Sample {
 public:
  virtual ~Sample() = default;
  virtual stage::Output& output() = 0;
};

struct NoComponents final : config::ComponentCatalog {
  const OptionTable* find(std::string_view, std::string_view) const override { return nullptr; }
  std::vector<std::string_view> names(std::string_view) const override { return {}; }
};

Value typed(const std::string& settings, const OptionTable& table) {
  const auto root = config::read_yaml(settings, std::make_shared<std::string>("case.yaml"));
  EXPECT_TRUE(root) << root.error().front().message;
  auto value = config::validate(*root, table, NoComponents());
  EXPECT_TRUE(value) << value.error().front().message;
  return std::move(*value);
}

/// The shared object that is shipped.
class SharedObject final : public Sample {
 public:
  SharedObject(const char* sample, const std::string& settings, const Bench& bench) {
    static plugin::Libraries libraries({TOCSIN_PLUGINS}, config::table_mistakes);
    const auto library = libraries.find(plugin::Kind::kOutput, sample);
    EXPECT_TRUE(library) << library.error().text();
    auto made = plugin::Instance::create((*library)->descriptor(), {plugin::Kind::kOutput, sample},
                                         typed(settings, (*library)->options()), bench.services);
    EXPECT_TRUE(made) << made.error().what;
    instance_ = std::move(*made);
    worker_ = *instance_->start_worker(bench.environment);
    adapter_ = std::make_unique<plugin::OutputAdapter>(*worker_, *plugin::output_traits(*instance_),
                                                       bench.done);
  }
  ~SharedObject() override {
    adapter_.reset();
    worker_->finish();
  }
  stage::Output& output() override { return *adapter_; }

 private:
  plugin::InstancePtr instance_;
  plugin::Worker* worker_ = nullptr;
  std::unique_ptr<plugin::OutputAdapter> adapter_;
};

/// The script that shows the same in Lua.
class LuaTwin final : public Sample {
 public:
  LuaTwin(const char* sample, const std::string& settings, const Bench& bench) {
    script::Scripts scripts({TOCSIN_LUA "/examples"}, config::table_mistakes,
                            {TOCSIN_LUA "/tocsin"});
    const auto script = scripts.find(script::Kind::kOutput, sample);
    EXPECT_TRUE(script) << script.error().text();
    auto made = script::Instance::create(*script, sample, typed(settings, (*script)->options()),
                                         bench.scripts);
    EXPECT_TRUE(made) << made.error().what;
    instance_ = std::move(*made);
    worker_ = *instance_->start_worker({.loop = bench.environment.loop,
                                        .client = bench.environment.client,
                                        .table = bench.environment.table});
    output_ = std::make_unique<script::ScriptOutput>(*worker_, bench.done);
  }
  ~LuaTwin() override {
    output_.reset();
    worker_->finish();
  }
  stage::Output& output() override { return *output_; }

 private:
  std::unique_ptr<script::Instance> instance_;
  script::Worker* worker_ = nullptr;
  std::unique_ptr<script::ScriptOutput> output_;
};

/// A way to write samples. Another one is a row below and nothing else.
struct Implementation {
  const char* name;
  std::unique_ptr<Sample> (*make)(const char* sample, const std::string& settings,
                                  const Bench& bench);
};

template <typename T>
std::unique_ptr<Sample> make(const char* sample, const std::string& settings, const Bench& bench) {
  return std::make_unique<T>(sample, settings, bench);
}

using Parameters = std::tuple<Implementation, OutputCase>;

class OutputConformance : public plugin::PluginTest,
                          public ::testing::WithParamInterface<Parameters> {
 protected:
  OutputConformance() {
    environment.client = &client;
    notification.topic = "orders";
  }

  http::ScriptedServer server{loop};
  std::unique_ptr<event::Resolver> resolver = event::Resolver::create(loop, {}).value();
  http::TcpConnector connector{loop, *resolver};
  http::HttpClient client{loop, connector, {}};
  script::ScriptMetrics script_metrics{metrics};
  script::Services script_services{log, script_metrics, clock};
  plugin::HeardVerdicts heard;
  message::Notification notification;
};

TEST_P(OutputConformance, GivesTheVerdictThatTheTableSays) {
  const auto& [implementation, what] = GetParam();
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port()) + "/hook";
  const auto sample =
      implementation.make(what.sample, "{url: \"" + url + "\", headers: {X-Team: payments}}",
                          Bench{services, script_services, environment, heard});
  const stage::Attempt attempts[] = {{.token = 7,
                                      .delivery = {{42}, 0},
                                      .number = 2,
                                      .notification = &notification,
                                      .payload = R"({"topic":"orders"})",
                                      .accepted_at = clock.wall(),
                                      .deadline = loop.now() + std::chrono::seconds(5)}};
  EXPECT_TRUE(sample->output().traits().idempotent);
  sample->output().deliver(attempts);
  ASSERT_TRUE(until([&] {
    return server.count() == 1 && server[0].received.find("orders\"}") != std::string::npos;
  }));
  const std::string request = server[0].take();
  EXPECT_TRUE(request.starts_with("POST /hook HTTP/1.1\r\n")) << request;
  for (const char* part : {"Content-Type: application/json", "Tocsin-Attempt: 2",
                           "X-Team: payments", "Idempotency-Key: dlv_", R"({"id":"ntf_)",
                           R"("delivery_id":"dlv_)", R"(,"topic":"orders"})"}) {
    EXPECT_NE(request.find(part), std::string::npos) << part << "\n" << request;
  }
  if (what.answer == nullptr) {
    server[0].reset();
  } else {
    server[0].send(what.answer);
  }
  ASSERT_TRUE(until([&] { return !heard.verdicts.empty(); }));
  const message::Verdict& verdict = heard.verdicts[0].second;
  EXPECT_EQ(heard.verdicts[0].first, 7U);
  EXPECT_EQ(verdict.kind, what.kind) << message::verdict_name(verdict.kind) << verdict.reason;
  EXPECT_EQ(verdict.after, what.after);
  if (what.kind == message::VerdictKind::kUnauthorized) {
    EXPECT_EQ(verdict.scope, message::VerdictScope::kAccount);
  }
}

std::string name_of(const ::testing::TestParamInfo<Parameters>& test) {
  return std::string(std::get<Implementation>(test.param).name) +
         std::get<OutputCase>(test.param).name;
}

INSTANTIATE_TEST_SUITE_P(
    , OutputConformance,
    ::testing::Combine(::testing::Values(Implementation{"SharedObject", make<SharedObject>},
                                         Implementation{"LuaTwin", make<LuaTwin>}),
                       ::testing::ValuesIn(output_cases())),
    name_of);

}  // namespace
}  // namespace tocsin::conformance
