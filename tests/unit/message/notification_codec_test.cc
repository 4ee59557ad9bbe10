#include "gateway/message/notification_codec.h"

#include "gateway/message/time_text.h"
#include "tests/unit/message/decode_fixture.h"

namespace tocsin::message {
namespace {

using NotificationDecoder = DecodeTest;
using NotificationEncoder = DecodeTest;

TEST_F(NotificationDecoder, TakesEveryField) {
  const auto decoded = decode(R"({
    "topic": "orders.eu.created", "level": "error", "title": "Slow", "body": "line\nnext",
    "labels": {"team": "payments", "host": "web-1"}, "data": {"n": [1, 2.50, null], "s": "x"},
    "key": "k", "external_id": "e-1", "to": ["email:a@b.example", "phone:+15550111"],
    "deliver_at": "2026-01-01T01:00:00Z", "expires_at": "2026-01-02T00:00:00+01:00",
    "supersede": true, "idempotency_key": "once"})");
  ASSERT_TRUE(decoded) << decoded.error().detail;
  const Notification& n = *decoded->notification;
  EXPECT_EQ(n.topic, "orders.eu.created");
  EXPECT_EQ(n.level, Level::kError);
  EXPECT_EQ(n.title, "Slow");
  EXPECT_EQ(n.body, "line\nnext");
  ASSERT_EQ(n.labels.size(), 2U);
  EXPECT_EQ(n.labels[0].name, "team");
  EXPECT_EQ(n.labels[1].value, "web-1");
  EXPECT_EQ(n.data, R"({"n": [1, 2.50, null], "s": "x"})");
  EXPECT_EQ(n.key, "k");
  EXPECT_EQ(n.external_id, "e-1");
  ASSERT_EQ(n.to.size(), 2U);
  EXPECT_EQ(n.to[1].kind, "phone");
  EXPECT_EQ(n.to[1].value, "+15550111");
  EXPECT_EQ(n.deliver_at, kNow + std::chrono::hours(1));
  EXPECT_EQ(n.expires_at, kNow + std::chrono::hours(23));
  EXPECT_TRUE(n.supersede);
  EXPECT_EQ(decoded->idempotency_key, "once");
}

TEST_F(NotificationDecoder, NeedsOnlyATopic) {
  const Notification& n = good(R"({"topic":"a"})");
  EXPECT_EQ(n.level, Level::kInfo);
  EXPECT_TRUE(n.title.empty() && n.body.empty() && n.data.empty() && n.key.empty());
  EXPECT_TRUE(n.labels.empty() && n.to.empty());
  EXPECT_FALSE(n.deliver_at || n.expires_at);
}

TEST_F(NotificationDecoder, KeepsNoViewIntoItsInput) {
  std::string json = R"({"topic":"a.b","title":"t","labels":{"x":"y"},"data":[1],"to":["k:v"]})";
  const Notification& n = good(json);
  json.assign(json.size(), '#');
  EXPECT_EQ(n.topic, "a.b");
  EXPECT_EQ(n.title, "t");
  EXPECT_EQ(n.labels[0].name, "x");
  EXPECT_EQ(n.data, "[1]");
  EXPECT_EQ(n.to[0].value, "v");
}

TEST_F(NotificationDecoder, DecodesEscapesOfAllKinds) {
  EXPECT_EQ(good(R"({"topic":"a","title":"\"\\\/\u00e9\ud83d\udd14"})").title,
            "\"\\/\xC3\xA9\xF0\x9F\x94\x94");
  EXPECT_EQ(good(R"({"\u0074opic":"a","body":"\b\f\n\r\t"})").body, "\b\f\n\r\t");
  EXPECT_EQ(good(R"({"topic":"a","labels":{"\u006b":"\"\n"}})").labels[0].name, "k");
}

// The text happens to end in what its own escapes decode to.
TEST_F(NotificationDecoder, IsNotFooledByATextThatLooksLikeItsEscapes) {
  EXPECT_EQ(good(R"({"topic":"a","title":"\"\""})").title, "\"\"");
  EXPECT_EQ(good(R"({"topic":"a","title":"\\\\"})").title, "\\\\");
  EXPECT_EQ(good(R"({"topic":"a","title":"\u0061a"})").title, "aa");
}

TEST_F(NotificationDecoder, KeepsDataOfAnyKindAsItWasWritten) {
  for (const char* data :
       {"null", "true", "false", "0", "-0.0", "1e5", "12345678901234567890123", "\"x\"",
        R"("\u0000\"\\")", "[]", "{}", "[ 1 , 2 ]", R"({"a":{"b":[{}]}})", R"({"":""})"}) {
    EXPECT_EQ(good(R"({"topic":"a","data": )" + std::string(data) + R"( ,"key":"k"})").data, data);
    EXPECT_EQ(good(R"({"topic":"a","data":)" + std::string(data) + "}").data, data);
  }
}

TEST_F(NotificationDecoder, TakesADelayForATimeOfDelivery) {
  EXPECT_EQ(good(R"({"topic":"a","delay":"1h30m"})").deliver_at, kNow + std::chrono::minutes(90));
  EXPECT_EQ(good(R"({"topic":"a","delay":"0"})").deliver_at, kNow);
}

TEST_F(NotificationDecoder, CountsARecipientNamedTwiceOnce) {
  const Notification& n = good(R"({"topic":"a","to":["e:x","e:y","e:x","f:x","e:y"]})");
  ASSERT_EQ(n.to.size(), 3U);
  EXPECT_EQ(n.to[0].value, "x");
  EXPECT_EQ(n.to[1].value, "y");
  EXPECT_EQ(n.to[2].kind, "f");
}

TEST_F(NotificationDecoder, TakesTheDomainOfAnEmailAddressInSmallLetters) {
  const Notification& n = good(R"({"topic":"a","to":["email:Ann@X.example","email:Ann@x.EXAMPLE",
                                                     "email:ann@x.example","phone:+1A"]})");
  ASSERT_EQ(n.to.size(), 3U);
  EXPECT_EQ(n.to[0].value, "Ann@x.example");
  EXPECT_EQ(n.to[1].value, "ann@x.example") << "a mailbox of its own, for all we know";
  EXPECT_EQ(n.to[2].value, "+1A");
}

TEST_F(NotificationDecoder, CountsARecipientOfALongListOnce) {
  std::string json = R"({"topic":"a","to":["e:0")";
  for (int i = 1; i < 1000; ++i) json += ",\"e:" + std::to_string(i % 300) + "\"";
  const Notification& n = good(json + "]}");
  ASSERT_EQ(n.to.size(), 300U);
  for (std::size_t i = 0; i < n.to.size(); ++i) EXPECT_EQ(n.to[i].value, std::to_string(i));
}

TEST_F(NotificationDecoder, SaysWhetherTheReceivedTextMayStandAsPayload) {
  const auto may_stand = [this](std::string_view json) {
    return decode(json)->received_is_payload;
  };
  EXPECT_TRUE(may_stand(R"({"topic":"a","level":"info"})"));
  EXPECT_TRUE(may_stand("{ \"level\" : \"warning\",\n\t\"topic\" : \"a\" }"));
  EXPECT_FALSE(may_stand(R"({"topic":"a"})"));
  EXPECT_FALSE(may_stand(R"({"topic":"a","level":"warn"})"));
  EXPECT_FALSE(may_stand(R"({"topic":"a","level":"INFO"})"));
  EXPECT_FALSE(may_stand(R"({"topic":"a","level":"info","delay":"1s"})"));
  EXPECT_FALSE(may_stand(R"({"topic":"a","level":"info","idempotency_key":"k"})"));
  EXPECT_FALSE(may_stand(R"({"topic":"a","level":"info","to":["e:x","e:x"]})"));
  EXPECT_FALSE(may_stand(R"({"topic":"a","level":"info","to":["email:a@X"]})"));
  EXPECT_TRUE(may_stand(R"({"topic":"a","level":"info","to":["email:A@x"]})"));
}

TEST_F(NotificationDecoder, PutsTheReceivedTextOnOneLine) {
  const auto decoded = decode("\r\n{\"topic\":\"a\",\n\t\"data\": [1,\n2, \"\\n\"]\n}\n");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->received, "  {\"topic\":\"a\",  \"data\": [1, 2, \"\\n\"] } ");
  EXPECT_EQ(decoded->notification->data, "[1, 2, \"\\n\"]");
}

TEST_F(NotificationDecoder, TakesNoMoreThanItsArenaAllows) {
  Arena small(pool_, 64);
  const auto decoded = decode_notification(
      R"({"topic":"a","body":"0123456789012345678901234567890123456789012345678901234567890123"})",
      small, {.now = kNow});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().pointer, "");
  EXPECT_EQ(decoded.error().detail, "the notification is too large");
}

TEST_F(NotificationDecoder, NeedsAboutTheBytesThatCame) {
  const std::string body(100'000, 'x');
  Arena arena(pool_, body.size() + 4096);
  EXPECT_TRUE(decode_notification(R"({"topic":"a","body":")" + body + "\"}", arena, {.now = kNow}));
}

TEST_F(NotificationDecoder, ReadsWhatWasStoredWhateverItsAge) {
  const auto decoded = decode_stored(
      R"({"topic":"a","of_a_later_release":{"x":[1]},"expires_at":"2001-01-01T00:00:00Z","key":"k"})",
      arena_);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(decoded->notification->key, "k");
  EXPECT_TRUE(decoded->notification->expires_at);
}

TEST_F(NotificationEncoder, WritesTheCanonicalForm) {
  const Notification& n = good(R"({ "to":["e:x"], "delay":"5m", "data":[ 1 ], "title":"",
    "labels":{"b":"2","a":"1"}, "level":"FATAL", "topic":"t" })");
  EXPECT_EQ(encode(n), R"({"topic":"t","level":"critical","labels":{"b":"2","a":"1"},)"
                       R"("data":[ 1 ],"to":["e:x"],"deliver_at":"2026-01-01T00:05:00Z"})");
}

}  // namespace
}  // namespace tocsin::message
