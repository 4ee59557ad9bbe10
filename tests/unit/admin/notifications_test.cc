#include "tests/unit/admin/api_fixture.h"

namespace tocsin::admin {
namespace {

using Kind = stage::EmitOutcome::Kind;
using testing::HasSubstr;

class NotificationsTest : public ApiTest {
 protected:
  Answer send(Kind kind) {
    emit.outcome.kind = kind;
    return post("/v1/notifications", R"({"topic":"a"})");
  }
};

TEST_F(NotificationsTest, GoInUnderTheNameOfTheToken) {
  emit.outcome = {.kind = Kind::kCommitted, .id = {42}, .deliveries = 2};
  const Answer answer =
      ask(request("POST", "/v1/notifications", kOperator,
                  "Content-Type: application/json\r\nIdempotency-Key: k1\r\n", R"({"topic":"a"})"));
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.text, R"({"id":")" + message::NotificationId{42}.text() +
                             "\",\"status\":\"accepted\",\"deliveries\":2}\n");
  EXPECT_EQ(emit.input, "admin");
  EXPECT_EQ(emit.caller, "olga");
  EXPECT_EQ(emit.json, R"({"topic":"a"})");
  EXPECT_EQ(emit.key, "k1");
  EXPECT_EQ(audit.records.back().action, "notification.send");
  EXPECT_EQ(audit.records.back().target, message::NotificationId{42}.text());
}

TEST_F(NotificationsTest, SayWhichFilterDroppedThem) {
  emit.outcome.text = "level";
  const Answer answer = send(Kind::kDropped);
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.text, "{\"status\":\"dropped\",\"by\":\"level\"}\n");
}

TEST_F(NotificationsTest, GetTheEarlierAnswerWhenReplayed) {
  emit.outcome = {.id = {42}, .deliveries = 2};
  EXPECT_EQ(send(Kind::kReplayed).json.string("status"), "accepted");
  emit.outcome = {.text = "dedup"};
  EXPECT_EQ(send(Kind::kReplayed).json.string("by"), "dedup");
}

TEST_F(NotificationsTest, AreRefusedWithTheReason) {
  EXPECT_EQ(send(Kind::kUnrouted).status, 422);
  EXPECT_EQ(send(Kind::kNoAddress).status, 422);
  EXPECT_EQ(send(Kind::kTooMany).status, 422);
  EXPECT_EQ(send(Kind::kConflict).status, 422);
  emit.outcome.pointer = "/labels/team";
  emit.outcome.text = "a label is text";
  const Answer invalid = send(Kind::kInvalid);
  EXPECT_EQ(invalid.status, 400);
  EXPECT_EQ(invalid.json.string("pointer"), "/labels/team");
  EXPECT_EQ(invalid.json.string("detail"), "a label is text");
  EXPECT_EQ(invalid.json.string("title"), "Bad Request");
}

TEST_F(NotificationsTest, AreAskedBackLaterWhenNothingWasKept) {
  emit.outcome.retry_after = std::chrono::milliseconds(2500);
  for (const Kind kind : {Kind::kStoreDown, Kind::kFull}) {
    const Answer answer = send(kind);
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.head, HasSubstr("Retry-After: 3\r\n"));
  }
  emit.full = true;
  const Answer answer = send(Kind::kCommitted);
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_EQ(audit.records.back().result, "failed");
}

TEST_F(NotificationsTest, GoOnWhenTheApiEnds) {
  http::RawClient client = connect();
  client.send(request("POST", "/v1/notifications", kOperator, "Content-Type: application/json\r\n",
                      R"({"topic":"a"})"));
  run();
  server.reset();
  run();
  EXPECT_EQ(emit.abandoned, 1);
}

TEST_F(NotificationsTest, AreShownWithTheirDeliveries) {
  ledger.add_dead(7, "mail");
  auto& delivered = ledger.add_dead(7, "sms");
  delivered.id.ordinal = 1;
  delivered.state = message::DeliveryState::kDelivered;
  delivered.provider_id = "SM1";
  delivered.reason = "";
  const Answer answer = get("/v1/notifications/" + message::NotificationId{7}.text());
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json.string("input"), "api");
  EXPECT_EQ(answer.json.at("notification").string("title"), "No money");
  const auto& deliveries = answer.json.at("deliveries").as<Value::List>();
  ASSERT_EQ(deliveries.size(), 2U);
  EXPECT_EQ(deliveries[0].string("state"), "dead");
  EXPECT_EQ(deliveries[1].string("state"), "delivered");
  EXPECT_EQ(deliveries[1].string("provider_id"), "SM1");
  EXPECT_EQ(deliveries[1].find("review"), nullptr);
  EXPECT_EQ(deliveries[1].find("reason"), nullptr);
}

// The fake ledger takes a row's reason for its key.
TEST_F(NotificationsTest, AreFoundByTheirKeyPageByPage) {
  for (std::uint64_t id = 1; id <= 3; ++id) ledger.add_dead(id, "mail").reason = "order 4711";
  ledger.add_dead(4, "mail").reason = "another";
  const Answer page = get("/v1/notifications?key=order%204711&limit=2");
  ASSERT_EQ(page.status, 200);
  const auto& found = page.json.at("notifications").as<Value::List>();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].string("id"), message::NotificationId{3}.text());
  EXPECT_EQ(found[0].string("caller"), "shop");
  EXPECT_EQ(found[0].string("title"), "No money");
  const std::string next = page.json.string("next");
  EXPECT_EQ(next, message::NotificationId{2}.text());
  const Answer rest = get("/v1/notifications?key=order%204711&before=" + next);
  EXPECT_EQ(rest.json.at("notifications").as<Value::List>().size(), 1U);
  EXPECT_EQ(rest.json.find("next"), nullptr);
}

TEST_F(NotificationsTest, AreLookedForByOneThingThatTheStoreIsMadeFor) {
  for (const char* wrong : {"", "?key=a&external_id=b", "?key=", "?key=a&before=x",
                            "?key=a&limit=0", "?external_id=b&limit=501", "?name=a"}) {
    EXPECT_EQ(get(std::string("/v1/notifications") + wrong).status, 400) << wrong;
  }
  ledger.down = Error{Code::kNotFound, "add external_id to storage.search", {}};
  const Answer answer = get("/v1/notifications?external_id=4711");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.json.string("detail"), "add external_id to storage.search.");
}

TEST_F(NotificationsTest, AreNotFoundByAnIdNobodyHas) {
  EXPECT_EQ(get("/v1/notifications/" + message::NotificationId{9}.text()).status, 404);
  EXPECT_EQ(get("/v1/notifications/42").status, 404);
}

}  // namespace
}  // namespace tocsin::admin
