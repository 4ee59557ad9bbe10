#include "gateway/plugin/handler_adapter.h"

#include <gtest/gtest.h>

#include "gateway/plugin/intake.h"
#include "tests/unit/http/server_harness.h"
#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

struct ApiScript {
  std::function<std::uint64_t(const sdk::Host&, const sdk::RequestHead&)> on_request;
  std::function<void(const sdk::Host&, tocsin_token, std::string_view)> on_body;
  std::function<void(std::uint64_t, sdk::Items<tocsin_emit_outcome>)> on_emitted;
  int ended = 0;
};

/// An input that takes notifications over HTTP.
class ScriptedApi final : public sdk::Input, public sdk::Handler {
 public:
  using Script = Scripted<ApiScript>;
  struct Settings {
    bool load(const sdk::Setup&, sdk::Fault&) { return true; }
  };
  static constexpr sdk::About kAbout = {"scripted", "0.0.1", "Does what a test says."};
  ScriptedApi(const Settings&, sdk::Host host) : host_(host) {}

  sdk::RequestPtr on_request(const sdk::RequestHead& head) override {
    const std::uint64_t wanted = Script::script->on_request(host_, head);
    return std::make_unique<Kept>(host_, head.token(), wanted);
  }
  void on_emitted(std::uint64_t user, sdk::Items<tocsin_emit_outcome> outcomes) override {
    Script::script->on_emitted(user, outcomes);
  }

 private:
  class Kept final : public sdk::Request {
   public:
    Kept(sdk::Host host, tocsin_token token, std::uint64_t wanted)
        : host_(host), token_(token), wanted_(wanted) {}
    ~Kept() override { ++Script::script->ended; }
    std::uint64_t body_bytes_max() const override { return wanted_; }
    void on_body(std::string_view body) override { Script::script->on_body(host_, token_, body); }

   private:
    sdk::Host host_;
    tocsin_token token_;
    std::uint64_t wanted_;
  };
  sdk::Host host_;
};

struct RecordedEmit final : stage::Emit {
  bool emit(const stage::EmitRequest& request, stage::EmitDone& given) override {
    if (full) return false;
    input = request.input;
    caller = request.caller;
    for (const stage::EmitItem& item : request.items) items.emplace_back(item.json);
    done = &given;
    return true;
  }
  void abandon(stage::EmitDone& which) override { abandoned = &which == done; }

  bool full = false;
  bool abandoned = false;
  std::string input, caller;
  std::vector<std::string> items;
  stage::EmitDone* done = nullptr;
};

class HandlerAdapterTest : public http::ServerTest {
 protected:
  HandlerAdapterTest() {
    ScriptedApi::Script::script = &script;
    loop.run_ready();
    auto made = Instance::create(*sdk::Entry<ScriptedApi>::descriptor(), {Kind::kInput, "api"},
                                 Value(Value::Map(), Place()), services);
    instance = std::move(*made);
    worker = instance->start_worker(environment).value();
    adapter = std::make_unique<HandlerAdapter>(*worker);
    route = std::make_unique<HandlerRoute>(*adapter, "/v1/");
    source->script = [this](http::Exchange& exchange, http::RequestHead& head) {
      route->on_request(exchange, head);
    };
    start();
  }
  ~HandlerAdapterTest() override {
    adapter.reset();
    worker->finish();
  }
  std::string ask(std::string_view bytes) {
    http::RawClient client = connect();
    return exchange(client, bytes);
  }
  static std::string post(std::string_view body) {
    return "POST /v1/notifications HTTP/1.1\r\nHost: x\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  std::uint64_t counted(telemetry::Counter* counter) const { return counter->value(); }

  ApiScript script;
  std::shared_ptr<telemetry::SinkState> sink = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(sink), {}, clock};
  PluginMetrics plugin_metrics{metrics};
  Services services{log, plugin_metrics, clock};
  RecordedEmit emit;
  Environment environment{.loop = loop, .emit = &emit};
  InstancePtr instance;
  Worker* worker = nullptr;
  std::unique_ptr<HandlerAdapter> adapter;
  std::unique_ptr<HandlerRoute> route;
};

TEST(PathBelow, CutsTheRoutesPrefix) {
  EXPECT_EQ(path_below("/v1/items", "/v1/"), "/items");
  EXPECT_EQ(path_below("/v1/items", "/v1"), "/items");
  EXPECT_EQ(path_below("/v1", "/v1"), "/");
  EXPECT_EQ(path_below("/v1/", "/v1/"), "/");
  EXPECT_EQ(path_below("/items", "/"), "/items");
}

TEST_F(HandlerAdapterTest, ShowsTheHeadAndSendsTheAnswer) {
  script.on_request = [](const sdk::Host& host, const sdk::RequestHead& head) {
    EXPECT_EQ(head.method(), "GET");
    EXPECT_EQ(head.path(), "/notifications/7");
    EXPECT_EQ(head.full_path(), "/v1/notifications/7");
    EXPECT_EQ(head.query(), "wait=1");
    EXPECT_EQ(head.peer(), "127.0.0.1");
    EXPECT_TRUE(head.peer_is_loopback());
    const tocsin_header header{sdk::to_c("X-Own"), sdk::to_c("yes")};
    EXPECT_TRUE(host.respond(head.token(), {.status = 202,
                                            .body = "{}",
                                            .content_type = "application/json",
                                            .headers = &header,
                                            .header_count = 1}));
    return std::uint64_t{0};
  };
  const std::string answer = ask("GET /v1/notifications/7?wait=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(http::statuses(answer), std::vector{202});
  EXPECT_NE(answer.find("X-Own: yes\r\n"), std::string::npos) << answer;
  EXPECT_EQ(http::body_of(answer), "{}");
  EXPECT_EQ(script.ended, 1);
}

TEST_F(HandlerAdapterTest, GivesTheWholeBodyAtOnce) {
  script.on_request = [](const sdk::Host&, const sdk::RequestHead&) { return std::uint64_t{100}; };
  std::string got;
  script.on_body = [&](const sdk::Host& host, tocsin_token token, std::string_view body) {
    got = body;
    host.respond(token, {.status = 200, .body = "ok"});
  };
  http::RawClient client = connect();
  const std::string request = post("one two three");
  client.send(request.substr(0, request.size() - 5));
  run();
  EXPECT_EQ(got, "");
  EXPECT_EQ(http::statuses(exchange(client, request.substr(request.size() - 5))), std::vector{200});
  EXPECT_EQ(got, "one two three");
  EXPECT_EQ(script.ended, 1);
}

TEST_F(HandlerAdapterTest, GivesAnEmptyBodyWhenThereIsNone) {
  script.on_request = [](const sdk::Host&, const sdk::RequestHead&) { return std::uint64_t{100}; };
  script.on_body = [&](const sdk::Host& host, tocsin_token token, std::string_view body) {
    EXPECT_EQ(body, "");
    host.respond(token, {.status = 204});
  };
  EXPECT_EQ(http::statuses(ask("GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")), std::vector{204});
}

TEST_F(HandlerAdapterTest, AnswersABodyLongerThanWanted) {
  script.on_request = [](const sdk::Host&, const sdk::RequestHead&) { return std::uint64_t{4}; };
  script.on_body = [](const sdk::Host&, tocsin_token, std::string_view) { FAIL(); };
  EXPECT_EQ(http::statuses(ask(post("12345"))), std::vector{413});
  EXPECT_EQ(http::statuses(ask("POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                               "\r\n5\r\n12345\r\n0\r\n\r\n")),
            std::vector{413});
  EXPECT_EQ(script.ended, 2);
}

TEST_F(HandlerAdapterTest, MayAnswerLater) {
  std::optional<sdk::Host> kept;
  tocsin_token token = 0;
  script.on_request = [&](const sdk::Host& host, const sdk::RequestHead& head) {
    kept = host;
    token = head.token();
    return std::uint64_t{0};
  };
  http::RawClient client = connect();
  EXPECT_EQ(exchange(client, "GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  kept->post([&] { EXPECT_TRUE(kept->respond(token, {.status = 200, .body = "later"})); });
  run();
  client.pull();
  EXPECT_EQ(http::body_of(client.take()), "later");
  kept->post([&] { EXPECT_FALSE(kept->respond(token, {.status = 200})); });
  run();
  EXPECT_EQ(counted(instance->metrics().late_completions), 1U);
}

TEST_F(HandlerAdapterTest, AnswersForAPluginThatForgot) {
  script.on_request = [](const sdk::Host&, const sdk::RequestHead&) { return std::uint64_t{0}; };
  http::RawClient client = connect();
  EXPECT_EQ(exchange(client, "GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  advance(HandlerAdapter::kAnswerMax + std::chrono::milliseconds(2));
  client.pull();
  EXPECT_EQ(http::statuses(client.take()), std::vector{504});
  EXPECT_EQ(counted(instance->metrics().expired), 1U);
}

TEST_F(HandlerAdapterTest, AnswersWhatIsOpenWhenItIsCut) {
  std::optional<sdk::Host> kept;
  tocsin_token token = 0;
  script.on_request = [&](const sdk::Host& host, const sdk::RequestHead& head) {
    kept = host;
    token = head.token();
    return std::uint64_t{0};
  };
  http::RawClient client = connect();
  EXPECT_EQ(exchange(client, "GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  EXPECT_EQ(worker->under_way(), 1U);
  adapter->cut();
  run();
  client.pull();
  EXPECT_EQ(http::statuses(client.take()), std::vector{503});
  EXPECT_EQ(worker->under_way(), 0U);
  EXPECT_EQ(script.ended, 1);
  kept->post([&] { EXPECT_FALSE(kept->respond(token, {.status = 200})); });
  run();
  EXPECT_EQ(counted(instance->metrics().late_completions), 1U);
}

TEST_F(HandlerAdapterTest, ASecondAnswerIsCounted) {
  script.on_request = [](const sdk::Host& host, const sdk::RequestHead& head) {
    EXPECT_TRUE(host.respond(head.token(), {.status = 200}));
    EXPECT_FALSE(host.respond(head.token(), {.status = 500}));
    return std::uint64_t{0};
  };
  EXPECT_EQ(http::statuses(ask("GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")), std::vector{200});
  EXPECT_EQ(counted(instance->metrics().late_completions), 1U);
}

TEST_F(HandlerAdapterTest, AMalformedAnswerIsA500AndCounted) {
  script.on_request = [](const sdk::Host& host, const sdk::RequestHead& head) {
    const tocsin_header split{sdk::to_c("X"), sdk::to_c("a\r\nSet-Cookie: b")};
    host.respond(head.token(), {.status = 200, .headers = &split, .header_count = 1});
    return std::uint64_t{0};
  };
  EXPECT_EQ(http::statuses(ask("GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")), std::vector{500});
  EXPECT_EQ(counted(instance->metrics().misuses), 1U);
}

TEST_F(HandlerAdapterTest, AnExceptionIsA500) {
  script.on_request = [](const sdk::Host&, const sdk::RequestHead&) -> std::uint64_t { throw 1; };
  EXPECT_EQ(http::statuses(ask("GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")), std::vector{500});
  script.on_request = [](const sdk::Host&, const sdk::RequestHead&) { return std::uint64_t{9}; };
  script.on_body = [](const sdk::Host&, tocsin_token, std::string_view) { throw 1; };
  EXPECT_EQ(http::statuses(ask(post("x"))), std::vector{500});
}

TEST_F(HandlerAdapterTest, TellsThePluginThatTheClientLeft) {
  script.on_request = [](const sdk::Host&, const sdk::RequestHead&) { return std::uint64_t{0}; };
  {
    http::RawClient client = connect();
    exchange(client, "GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n");
    client.reset();
  }
  EXPECT_TRUE(until([&] { return script.ended == 1; }));
}

// ---- emitting

TEST_F(HandlerAdapterTest, EmitsAndHearsTheOutcome) {
  script.on_request = [](const sdk::Host&, const sdk::RequestHead&) { return std::uint64_t{100}; };
  script.on_body = [&](const sdk::Host& host, tocsin_token token, std::string_view body) {
    const std::vector<sdk::EmitItem> items = {{body, "key"}};
    EXPECT_EQ(host.emit(items, "shop", token), std::uint32_t{TOCSIN_OK});
  };
  std::string heard;
  script.on_emitted = [&](std::uint64_t user, sdk::Items<tocsin_emit_outcome> outcomes) {
    EXPECT_NE(user, 0U);
    ASSERT_EQ(outcomes.size(), 2U);
    EXPECT_EQ(outcomes[0].kind, std::uint32_t{TOCSIN_COMMITTED});
    EXPECT_EQ(outcomes[0].deliveries, 3U);
    heard = sdk::view(outcomes[0].id);
    EXPECT_EQ(outcomes[1].kind, std::uint32_t{TOCSIN_ITEM_INVALID});
    EXPECT_EQ(sdk::view(outcomes[1].pointer), "/level");
  };
  http::RawClient client = connect();
  exchange(client, post("{}"));
  EXPECT_EQ(emit.input, "api");
  EXPECT_EQ(emit.caller, "shop");
  EXPECT_EQ(emit.items, std::vector<std::string>{"{}"});
  stage::EmitOutcome committed;
  committed.kind = stage::EmitOutcome::Kind::kCommitted;
  committed.id = {99};
  committed.deliveries = 3;
  stage::EmitOutcome invalid;
  invalid.kind = stage::EmitOutcome::Kind::kInvalid;
  invalid.pointer = "/level";
  const std::vector<stage::EmitOutcome> outcomes = {committed, invalid};
  emit.done->on_emitted(outcomes);
  EXPECT_EQ(heard, message::NotificationId{99}.text());
}

TEST_F(HandlerAdapterTest, IsToldAtOnceThatTheIntakeIsFull) {
  emit.full = true;
  script.on_request = [](const sdk::Host& host, const sdk::RequestHead& head) {
    const std::vector<sdk::EmitItem> items = {{"{}", ""}};
    EXPECT_EQ(host.emit(items, "", 1), std::uint32_t{TOCSIN_FULL});
    host.respond(head.token(), {.status = 503});
    return std::uint64_t{0};
  };
  EXPECT_EQ(http::statuses(ask("GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")), std::vector{503});
}

TEST_F(HandlerAdapterTest, FinishingAbandonsWhatWasEmitted) {
  script.on_request = [](const sdk::Host& host, const sdk::RequestHead& head) {
    const std::vector<sdk::EmitItem> items = {{"{}", ""}};
    EXPECT_EQ(host.emit(items, "", 1), std::uint32_t{TOCSIN_OK});
    host.respond(head.token(), {.status = 202});
    return std::uint64_t{0};
  };
  ask("GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n");
  server.reset();
  run();
  adapter.reset();
  worker->finish();
  EXPECT_TRUE(emit.abandoned);
}

}  // namespace
}  // namespace tocsin::plugin
