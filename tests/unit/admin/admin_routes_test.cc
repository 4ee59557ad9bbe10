#include "gateway/admin/admin_routes.h"

#include <gmock/gmock.h>

#include <future>
#include <string>

#include "tests/unit/http/server_harness.h"

namespace tocsin::admin {
namespace {

using http::body_of;
using http::RawClient;
using http::statuses;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A job that keeps a thread of the pool until it is let go.
class Occupation {
 public:
  Occupation(event::OffloadPool& pool, event::Loop& loop) {
    std::promise<void> begun;
    std::future<void> running = begun.get_future();
    EXPECT_TRUE(pool.submit(
        loop,
        [&begun, free = free_.get_future()] {
          begun.set_value();
          free.wait();
        },
        [] {}));
    running.wait();
  }
  ~Occupation() { end(); }
  void end() {
    if (!std::exchange(ended_, true)) free_.set_value();
  }

 private:
  std::promise<void> free_;
  bool ended_ = false;
};

class AdminRoutesTest : public http::ServerTest {
 protected:
  static constexpr std::size_t kQueueMax = 1;

  void SetUp() override {
    start();
    server->set_source(std::make_shared<AdminRoutes>(
        AdminParts{.readiness = readiness, .metrics = metrics, .pool = offload, .audit = audit}));
  }
  std::string ask(std::string_view path, std::string_view method = "GET") {
    RawClient client = connect();
    send(client, path, method);
    EXPECT_TRUE(until([&] { return answered(client); }));
    return client.take();
  }
  static void send(RawClient& client, std::string_view path, std::string_view method = "GET") {
    client.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  static bool answered(RawClient& client) {
    client.pull();
    return client.got().find("\r\n\r\n") != std::string::npos;
  }

  struct NoAudit final : AuditSink {
    void record(const AuditRecord&) override { ADD_FAILURE() << "a page is no change"; }
  };

  NoAudit audit;
  Readiness readiness;
  event::OffloadPool offload{1, kQueueMax};
};

TEST_F(AdminRoutesTest, IsHealthyInEveryState) {
  for (const auto state :
       {Readiness::State::kStarting, Readiness::State::kReady, Readiness::State::kDraining}) {
    readiness.set(state);
    const std::string answer = ask("/healthz");
    EXPECT_THAT(statuses(answer), ElementsAre(200));
    EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_EQ(body_of(answer), "{\"status\":\"ok\"}\n");
  }
}

TEST_F(AdminRoutesTest, IsReadyOnlyBetweenStartAndDrain) {
  const std::string starting = ask("/readyz");
  EXPECT_THAT(statuses(starting), ElementsAre(503));
  EXPECT_EQ(body_of(starting), "{\"status\":\"starting\"}\n");
  readiness.set(Readiness::State::kReady);
  const std::string ready = ask("/readyz");
  EXPECT_THAT(statuses(ready), ElementsAre(200));
  EXPECT_EQ(body_of(ready), "{\"status\":\"ready\"}\n");
  readiness.set(Readiness::State::kDraining);
  const std::string draining = ask("/readyz");
  EXPECT_THAT(statuses(draining), ElementsAre(503));
  EXPECT_EQ(body_of(draining), "{\"status\":\"draining\"}\n");
}

TEST_F(AdminRoutesTest, ShowsTheMetricsOfTheProcess) {
  metrics.counters("tocsin_test_total", "Counted by a test.", {"what"}).with({"this"}).add(7);
  const std::string answer = ask("/metrics");
  EXPECT_THAT(statuses(answer), ElementsAre(200));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(body_of(answer), HasSubstr("\ntocsin_test_total{what=\"this\"} 7\n"));
}

TEST_F(AdminRoutesTest, ServesOthersWhileMetricsAreBeingMade) {
  Occupation busy(offload, loop);
  RawClient scraper = connect();
  send(scraper, "/metrics");
  run();
  EXPECT_FALSE(answered(scraper));
  EXPECT_THAT(statuses(ask("/healthz")), ElementsAre(200));
  busy.end();
  EXPECT_TRUE(until([&] { return answered(scraper); }));
}

TEST_F(AdminRoutesTest, RefusesAScrapeWhenTooManyWait) {
  Occupation busy(offload, loop);
  RawClient first = connect();
  send(first, "/metrics");
  run();
  ASSERT_EQ(offload.waiting(), kQueueMax);
  EXPECT_THAT(statuses(ask("/metrics")), ElementsAre(503));
  busy.end();
  EXPECT_TRUE(until([&] { return answered(first); })) << "who waited already is served";
}

TEST_F(AdminRoutesTest, ForgetsAScraperThatLeftBeforeItsMetricsWereMade) {
  Occupation busy(offload, loop);
  RawClient scraper = connect();
  send(scraper, "/metrics");
  run();
  scraper.reset();
  run();
  EXPECT_EQ(server->connections(), 0U);
  busy.end();
  EXPECT_TRUE(until([&] { return offload.waiting() == 0; }));
  EXPECT_THAT(statuses(ask("/metrics")), ElementsAre(200));
}

TEST_F(AdminRoutesTest, AnswersHeadAsGetWithoutABody) {
  for (const char* path : {"/healthz", "/metrics"}) {
    const std::string answer = ask(path, "HEAD");
    EXPECT_THAT(statuses(answer), ElementsAre(200));
    EXPECT_THAT(body_of(answer), IsEmpty());
  }
}

TEST_F(AdminRoutesTest, RefusesOtherMethodsAndPathsWithAProblem) {
  const std::string posted = ask("/readyz", "POST");
  EXPECT_THAT(statuses(posted), ElementsAre(405));
  EXPECT_THAT(posted, HasSubstr("Allow: GET, HEAD\r\n"));
  for (const char* path : {"/", "/healthz/", "/metrics/x", "/Healthz"}) {
    const std::string answer = ask(path);
    EXPECT_THAT(statuses(answer), ElementsAre(404)) << path;
    EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json\r\n"));
  }
}

}  // namespace
}  // namespace tocsin::admin
