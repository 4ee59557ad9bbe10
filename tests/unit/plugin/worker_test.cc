#include "gateway/plugin/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "gateway/http/tcp_connector.h"
#include "gateway/plugin/http_calls.h"
#include "tests/unit/http/client_fixture.h"
#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

class WorkerTest : public PluginTest {
 protected:
  WorkerTest() {
    ScriptedOutput::Script::script = &script;
    script.start = [this](const sdk::Host& given) { host = given; };
  }
  ~WorkerTest() override {
    if (worker != nullptr) worker->finish();
  }
  void begin() {
    instance = instance_of<ScriptedOutput>(Kind::kOutput);
    worker = &start(*instance);
  }
  void inside(std::function<void()> what) {
    ASSERT_TRUE(host->post(std::move(what)));
    run();
  }

  OutputScript script;
  std::optional<sdk::Host> host;
  InstancePtr instance;
  Worker* worker = nullptr;
};

TEST_F(WorkerTest, RunsATimerOnceAtItsTime) {
  begin();
  int fired = 0;
  sdk::Timer timer(*host, [&] { ++fired; });
  inside([&] { EXPECT_TRUE(timer.start(std::chrono::seconds(2))); });
  advance(std::chrono::milliseconds(1900));
  EXPECT_EQ(fired, 0);
  advance(std::chrono::milliseconds(200));
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.running());
  advance(std::chrono::hours(1));
  EXPECT_EQ(fired, 1);
}

TEST_F(WorkerTest, ATimerMayDestroyItselfAndStartAnother) {
  begin();
  int fired = 0;
  auto timer = std::make_unique<sdk::Timer>(*host, [] {});
  std::function<void()> tick = [&] {
    timer = std::make_unique<sdk::Timer>(*host, tick);
    if (++fired < 3) timer->start(std::chrono::seconds(1));
  };
  timer = std::make_unique<sdk::Timer>(*host, tick);
  inside([&] { timer->start(std::chrono::seconds(1)); });
  for (int i = 0; i < 5; ++i) advance(std::chrono::seconds(1));
  EXPECT_EQ(fired, 3);
  timer.reset();
}

TEST_F(WorkerTest, ACancelledTimerIsSilent) {
  begin();
  sdk::Timer timer(*host, [] { FAIL(); });
  inside([&] {
    timer.start(std::chrono::seconds(1));
    timer.cancel();
  });
  advance(std::chrono::seconds(5));
}

TEST_F(WorkerTest, FinishingEndsTimersWithoutACall) {
  begin();
  sdk::Timer timer(*host, [] { FAIL(); });
  inside([&] { timer.start(std::chrono::seconds(1)); });
  worker->finish();
  advance(std::chrono::seconds(5));
  timer.cancel();
  EXPECT_EQ(instance->metrics().late_completions->value(), 0U);
}

TEST_F(WorkerTest, PostsFromAnotherThreadToItsLoop) {
  begin();
  std::thread::id ran;
  std::thread([&] { host->post([&] { ran = std::this_thread::get_id(); }); }).join();
  run();
  EXPECT_EQ(ran, std::this_thread::get_id());
}

TEST_F(WorkerTest, OffloadsWorkAndComesBackToTheLoop) {
  begin();
  std::thread::id worked;
  std::atomic<bool> done = false;
  inside([&] {
    EXPECT_TRUE(host->offload([&] { worked = std::this_thread::get_id(); },
                              [&] {
                                EXPECT_NE(worked, std::this_thread::get_id());
                                done = true;
                              }));
  });
  EXPECT_TRUE(until([&] { return done.load(); }));
}

TEST_F(WorkerTest, DropsWhatItWillNotCall) {
  begin();
  const auto kept = std::make_shared<int>(1);
  ASSERT_TRUE(host->post([kept] { FAIL() << "called after the end"; }));
  EXPECT_EQ(kept.use_count(), 2);
  worker->finish();
  run();
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_FALSE(host->post([kept] {}));
  EXPECT_FALSE(host->offload([kept] {}, [kept] {}));
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_F(WorkerTest, DropsWorkThatFindsNoRoom) {
  begin();
  const auto kept = std::make_shared<int>(1);
  std::atomic<bool> go = false;
  int refused = 0;
  inside([&] {
    for (int i = 0; i < 20; ++i) {
      const bool taken = host->offload(
          [&go, kept] {
            while (!go) std::this_thread::yield();
          },
          [] {});
      if (!taken) ++refused;
    }
  });
  EXPECT_GE(refused, 3);  // one runs, 16 wait
  EXPECT_EQ(kept.use_count(), 1 + 20 - refused);
  go = true;
  EXPECT_TRUE(until([&] { return kept.use_count() == 1; }));
}

TEST_F(WorkerTest, ContainsWhatAPostedTaskThrows) {
  begin();
  inside([] { throw std::runtime_error("in a task"); });
  EXPECT_NE(logged().find("a posted task threw: in a task"), std::string::npos);
}

TEST_F(WorkerTest, AnInstanceWithWorkStillRunningIsKeptInsteadOfDestroyed) {
  begin();
  int ended = 0;
  script.end = [&] { ++ended; };
  std::atomic<bool> go = false;
  std::atomic<bool> over = false;
  inside([&] {
    EXPECT_TRUE(host->offload(
        [&] {
          while (!go) std::this_thread::yield();
          over = true;
        },
        [] { FAIL() << "done after the end"; }));
  });
  telemetry::Counter& leaked = *instance->metrics().leaked;
  worker->finish();
  worker = nullptr;
  EXPECT_EQ(ended, 1);
  instance.reset();
  EXPECT_EQ(leaked.value(), 1U);
  EXPECT_NE(logged().find("work of the plugin still runs"), std::string::npos);
  go = true;
  EXPECT_TRUE(until([&] { return over.load(); }));
  run();
}

TEST_F(WorkerTest, ReportsWhatWorkerInitThrew) {
  script.start = [](const sdk::Host&) { throw std::runtime_error("no worker today"); };
  instance = instance_of<ScriptedOutput>(Kind::kOutput);
  const auto started = instance->start_worker(environment);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().what, "worker_init threw: no worker today");
}

TEST_F(WorkerTest, SharesReservationsBetweenWorkersOfOneInstance) {
  begin();
  const sdk::Host first = *host;
  Worker& other = start(*instance);
  const sdk::Host second = *host;
  inside([&] {
    const sdk::Reservation mine = first.reserve("a", "me");
    EXPECT_EQ(mine.outcome(), std::uint32_t{TOCSIN_OK});
    const sdk::Reservation theirs = second.reserve("a", "you");
    EXPECT_EQ(theirs.outcome(), std::uint32_t{TOCSIN_EXISTS});
    EXPECT_EQ(theirs.value(), "me");
    EXPECT_FALSE(theirs.confirmed());
    EXPECT_TRUE(first.confirm("a", mine.token(), std::chrono::minutes(5)));
    EXPECT_TRUE(second.reserve("a").confirmed());
    EXPECT_FALSE(first.undo("a", mine.token()));
  });
  other.finish();
}

TEST_F(WorkerTest, RefusesAKeyBeyondTheTable) {
  begin();
  inside([&] {
    EXPECT_EQ(host->reserve(std::string(2000, 'k')).outcome(), std::uint32_t{TOCSIN_INVALID});
  });
}

TEST_F(WorkerTest, DeclaresMetricsUnderItsOwnName) {
  begin();
  const sdk::Metric metric = host->counter("sent_total", "Sent.");
  metric.record(3);
  host->counter("sent_total", "Sent.").record(2);
  host->counter("wrong", "A counter that does not end in _total.").record(1);
  const std::string text = metrics.expose();
  EXPECT_NE(text.find(R"(tocsin_plugin_sent_total{plugin="output/scripted",id="test"} 5)"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("tocsin_plugin_wrong"), std::string::npos);
}

// ---- instances

TEST_F(WorkerTest, RefusedSettingsComeWithTheOptionAndItsPlace) {
  const Place place{std::make_shared<const std::string>("t.yaml"), 4, 9};
  Value::Map map;
  map.push_back({"refuse", Value(std::string("is not to my taste"), place), place});
  const Value settings(std::move(map), Place());
  const auto refused = Instance::create(*sdk::Entry<ScriptedOutput>::descriptor(),
                                        {Kind::kOutput, "test"}, settings, services);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "is not to my taste");
  EXPECT_EQ(refused.error().key, "refuse");
  EXPECT_EQ(refused.error().place.text(), "t.yaml:4:9");
  EXPECT_FALSE(Instance::validate(*sdk::Entry<ScriptedOutput>::descriptor(),
                                  {Kind::kOutput, "test"}, settings, services));
}

// ---- HTTP

class WorkerHttpTest : public WorkerTest {
 protected:
  WorkerHttpTest() {
    environment.client = &client;
    begin();
  }
  ~WorkerHttpTest() override { worker->finish(); }
  std::string url() { return "http://127.0.0.1:" + std::to_string(server.port()) + "/hook?a=b"; }
  void arrive() {
    ASSERT_TRUE(until([&] {
      return server.count() > 0 && server[0].received.find("\r\n\r\n") != std::string::npos;
    }));
  }

  http::ScriptedServer server{loop};
  std::unique_ptr<event::Resolver> resolver = event::Resolver::create(loop, {}).value();
  http::TcpConnector connector{loop, *resolver};
  http::HttpClient client{loop, connector, {}};
};

TEST_F(WorkerHttpTest, SendsACopyOfTheRequestAndBringsTheAnswer) {
  std::string body;
  std::uint32_t status = 0;
  std::string header;
  sdk::HttpCall call(*host, [&](const sdk::HttpResponse& response) {
    EXPECT_TRUE(response.answered());
    status = response.status();
    body = response.body();
    header = response.header("x-answer");
  });
  inside([&] {
    std::string text = "hello";
    const tocsin_header field{sdk::to_c("X-Thing"), sdk::to_c("1")};
    EXPECT_TRUE(call.send({.method = "POST", .url = url(), .headers = {&field, 1}, .body = text}));
    text = "XXXXX";
  });
  arrive();
  EXPECT_TRUE(until([&] { return server[0].received.ends_with("hello"); }));
  EXPECT_TRUE(server[0].received.starts_with("POST /hook?a=b HTTP/1.1\r\n"));
  EXPECT_NE(server[0].received.find("X-Thing: 1\r\n"), std::string::npos) << server[0].received;
  server[0].send("HTTP/1.1 201 Created\r\nX-Answer: yes\r\nContent-Length: 4\r\n\r\ndone");
  ASSERT_TRUE(until([&] { return status != 0; }));
  EXPECT_EQ(status, 201U);
  EXPECT_EQ(body, "done");
  EXPECT_EQ(header, "yes");
}

TEST_F(WorkerHttpTest, CutsAnAnswerThatIsLongerThanWanted) {
  std::string body;
  sdk::HttpCall call(*host, [&](const sdk::HttpResponse& response) { body = response.body(); });
  inside([&] { EXPECT_TRUE(call.send({.url = url(), .response_bytes_max = 3})); });
  arrive();
  server[0].send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef");
  ASSERT_TRUE(until([&] { return !body.empty(); }));
  EXPECT_EQ(body, "abc");
}

TEST_F(WorkerHttpTest, SaysThatATimedOutRequestMayHaveArrived) {
  std::optional<sdk::Verdict> verdict;
  sdk::HttpCall call(*host, [&](const sdk::HttpResponse& response) {
    EXPECT_EQ(response.c().failure, std::uint32_t{TOCSIN_HTTP_TIMEOUT});
    verdict = host->http_verdict(response.c());
  });
  inside([&] { EXPECT_TRUE(call.send({.method = "POST", .url = url(), .body = "x"})); });
  arrive();
  advance(HttpCalls::kPatience + std::chrono::seconds(1));
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, std::uint32_t{TOCSIN_AMBIGUOUS});
}

TEST_F(WorkerHttpTest, ReportsARefusedConnectionAsNothingSent) {
  std::optional<sdk::Verdict> verdict;
  sdk::HttpCall call(*host, [&](const sdk::HttpResponse& response) {
    EXPECT_EQ(response.c().failure, std::uint32_t{TOCSIN_HTTP_NO_CONNECTION});
    EXPECT_EQ(response.c().sent, 0U);
    verdict = host->http_verdict(response.c());
  });
  // Port 1 of loopback: nobody listens.
  inside([&] { EXPECT_TRUE(call.send({.method = "POST", .url = "http://127.0.0.1:1/"})); });
  ASSERT_TRUE(until([&] { return verdict.has_value(); }));
  EXPECT_EQ(verdict->kind, std::uint32_t{TOCSIN_RETRY});
}

TEST_F(WorkerHttpTest, SaysAtOnceWhyAUrlCannotBe) {
  sdk::HttpCall call(*host, [](const sdk::HttpResponse&) { FAIL(); });
  inside([&] { EXPECT_FALSE(call.send({.url = "ftp://x/"})); });
  EXPECT_NE(call.error(), "");
  run();
}

TEST_F(WorkerHttpTest, ACancelledRequestIsSilent) {
  auto call = std::make_unique<sdk::HttpCall>(*host, [](const sdk::HttpResponse&) { FAIL(); });
  inside([&] { EXPECT_TRUE(call->send({.url = url()})); });
  arrive();
  inside([&] { call.reset(); });
  EXPECT_TRUE(until([&] { return server[0].closed; }));
}

TEST_F(WorkerHttpTest, FinishingCancelsRequests) {
  sdk::HttpCall call(*host, [](const sdk::HttpResponse&) { FAIL(); });
  inside([&] { EXPECT_TRUE(call.send({.url = url()})); });
  arrive();
  worker->finish();
  EXPECT_TRUE(until([&] { return server[0].closed; }));
}

}  // namespace
}  // namespace tocsin::plugin
