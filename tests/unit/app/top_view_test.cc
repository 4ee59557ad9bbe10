#include "gateway/app/top_view.h"

#include <gmock/gmock.h>

#include "tests/unit/app/fake_admin_door.h"

namespace tocsin::app {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kHealth =
    R"({"state":"ready","overload":[],"store":{"accepting":true,"oldest_ready_age_ms":65000}})";
constexpr const char* kOutputs =
    R"({"outputs":[{"name":"mail","state":"running","breaker":"closed","in_flight":3,"in_memory":10,)"
    R"("ready":100,"dead":2},{"name":"old","state":"orphaned","ready":1,"dead":0}]})";

std::string page(int accepted, int delivered, int failed) {
  return "tocsin_notifications_total{input=\"api\",outcome=\"committed\"} " +
         std::to_string(accepted) +
         "\ntocsin_deliveries_total{output=\"mail\",result=\"delivered\"} " +
         std::to_string(delivered) +
         "\ntocsin_attempts_total{output=\"mail\",verdict=\"delivered\"} " +
         std::to_string(delivered) +
         "\ntocsin_attempts_total{output=\"mail\",verdict=\"throttled\"} 9" +
         "\ntocsin_attempts_total{output=\"mail\",verdict=\"retry\"} " + std::to_string(failed) +
         "\n";
}

class TopViewTest : public testing::Test {
 protected:
  void look(const std::string& metrics, Duration after = seconds(2), const char* health = kHealth) {
    door.replies = {{200, health}, {200, kOutputs}, {200, metrics}};
    now += after;
    auto sample = take_sample(door, now);
    ASSERT_TRUE(sample) << sample.error().message;
    view.add(std::move(*sample));
  }
  std::string text() { return view.text(false, 0, 0); }

  FakeAdminDoor door;
  MonoTime now{};
  TopView view{"127.0.0.1:9900", seconds(2)};
};

TEST_F(TopViewTest, ShowsRatesOnceThereAreTwoSamples) {
  look(page(100, 50, 1));
  EXPECT_FALSE(view.has_rates());
  EXPECT_THAT(text(), HasSubstr("accepted -/s"));
  look(page(300, 250, 4));
  EXPECT_TRUE(view.has_rates());
  EXPECT_EQ(text(),
            "tocsin at 127.0.0.1:9900, ready, every 2s\n"
            "accepted 100/s, refused -/s, delivered 100/s, failed attempts 1.5/s, given up -/s\n"
            "108 waiting, the oldest overdue for 65s; 2 dead letters\n"
            "\n"
            "OUTPUT  QUEUED  IN FLIGHT  DELIVERED/S  FAILED/S  DEAD  BREAKER  STATE\n"
            "mail       107          3          100       1.5     2  closed   running\n"
            "old          1          0            -         -     0  -        orphaned\n");
}

TEST_F(TopViewTest, GivesProgramsNumbers) {
  look(page(100, 50, 1));
  look(page(301, 250, 1));
  EXPECT_EQ(view.json(),
            R"({"gateway":"127.0.0.1:9900","state":"ready","accepting":true,"overload":[],)"
            R"("accepted_per_second":100.500,"delivered_per_second":100.000,)"
            R"("failed_attempts_per_second":0.000,"queued":108,"dead":2,"oldest_ms":65000,)"
            R"("outputs":[{"name":"mail","state":"running","breaker":"closed","queued":107,)"
            R"("in_flight":3,"delivered_per_second":100.000,"failed_attempts_per_second":0.000,)"
            R"("dead":2},{"name":"old","state":"orphaned","queued":1,"in_flight":0,"dead":0}]})"
            "\n");
}

TEST_F(TopViewTest, HasNoRateOverARestart) {
  look(page(1000, 500, 1));
  look(page(3, 2, 0));
  EXPECT_THAT(text(), HasSubstr("accepted -/s, refused -/s, delivered -/s"));
}

TEST_F(TopViewTest, SaysWhyThereIsNothingNewAndShowsWhatWasBefore) {
  view.miss("nothing answers at 127.0.0.1:9900");
  EXPECT_EQ(text(),
            "tocsin at 127.0.0.1:9900, every 2s\n"
            "not reachable: nothing answers at 127.0.0.1:9900; trying again\n");
  EXPECT_EQ(view.json(),
            "{\"gateway\":\"127.0.0.1:9900\",\"unreachable\":\"nothing answers at "
            "127.0.0.1:9900\"}\n");
  look(page(1, 1, 1));
  view.miss("it is gone");
  EXPECT_THAT(text(), HasSubstr("not reachable: it is gone; trying again\nbefore that:\n"));
  EXPECT_THAT(text(), HasSubstr("108 waiting"));
  look(page(1, 1, 1));
  EXPECT_THAT(text(), Not(HasSubstr("not reachable")));
}

TEST_F(TopViewTest, SaysWhatIsRefused) {
  look("", seconds(2),
       R"({"state":"ready","overload":["memory","backlog"],"store":{"accepting":false}})");
  EXPECT_THAT(text(), HasSubstr("108 waiting; 2 dead letters; the store takes nothing; "
                                "overload: memory, backlog\n"));
}

TEST_F(TopViewTest, FitsTheScreen) {
  look(page(1, 1, 1));
  EXPECT_EQ(view.text(false, 2, 9), "tocsin at\naccepted ");
  EXPECT_THAT(view.text(true, 6, 10), HasSubstr("\x1B[2mOUTPUT\x1B[0m")) << "colours stay whole";
  EXPECT_THAT(view.text(true, 6, 80), HasSubstr("\x1B[32mrunning\x1B[0m"));
}

TEST_F(TopViewTest, AsksForAllOfItOrSaysWhatFailed) {
  look(page(1, 1, 1));
  EXPECT_THAT(door.asked, ElementsAre("GET /v1/health", "GET /v1/outputs", "GET /metrics"));
  door.replies = {{200, kHealth}, {401, R"({"detail":"Show a token."})"}};
  const auto refused = take_sample(door, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 401);
  door.replies = {{200, kHealth}, {200, kOutputs}, {503, ""}};
  EXPECT_EQ(take_sample(door, now).error().status, 503);
  door.replies = {};
  EXPECT_EQ(take_sample(door, now).error().message, "nothing answers");
}

}  // namespace
}  // namespace tocsin::app
