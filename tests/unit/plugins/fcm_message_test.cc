#include <gtest/gtest.h>

#include <string>

#include "plugins/output/fcm/message.h"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_fcm {
namespace {

Message plain() {
  Message message;
  message.target = "device";
  message.title = "Disk full";
  message.body = "on db-1";
  message.id = "ntf_1";
  return message;
}

JsonObject object(std::string_view json) {
  auto read = read_object(json);
  EXPECT_TRUE(read) << json;
  return read.value_or(JsonObject());
}

/// The text or number at a pointer below the message; "none".
std::string at(const std::string& json, const std::string& pointer) {
  const auto reply = sdk::JsonReply::read(json);
  if (!reply) return "no JSON: " + json;
  return std::string(reply->text("/message" + pointer).value_or("none"));
}

// ---- what is sent

TEST(FcmMessage, HoldsTheTargetTheTextsAndTheDataAndSaysHowUrgentItIs) {
  const Written written = write_message(plain(), {});
  EXPECT_EQ(written.refusal, "");
  EXPECT_FALSE(written.cut);
  EXPECT_EQ(written.json, R"({"message":{"token":"device",)"
                          R"("notification":{"title":"Disk full","body":"on db-1"},)"
                          R"("data":{"tocsin_id":"ntf_1"},)"
                          R"("android":{"priority":"NORMAL"},)"
                          R"("apns":{"headers":{"apns-priority":"5"}},)"
                          R"("webpush":{"headers":{"Urgency":"normal"}}}})");
}

TEST(FcmMessage, GoesToATopicOrACondition) {
  Message message = plain();
  message.target_kind = TargetKind::kTopic;
  message.target = "ops";
  EXPECT_EQ(at(write_message(message, {}).json, "/topic"), "ops");
  message.target_kind = TargetKind::kCondition;
  message.target = "'ops' in topics && 'eu' in topics";
  EXPECT_EQ(at(write_message(message, {}).json, "/condition"), message.target);
  EXPECT_EQ(at(write_message(message, {}).json, "/token"), "none");
}

TEST(FcmMessage, ShowsNothingWithoutATitleAndABody) {
  Message message = plain();
  message.title = message.body = "";
  EXPECT_EQ(write_message(message, {}).json.find("notification"), std::string::npos);
  message.title = "only";
  EXPECT_EQ(at(write_message(message, {}).json, "/notification/title"), "only");
  EXPECT_EQ(at(write_message(message, {}).json, "/notification/body"), "none");
}

TEST(FcmMessage, WakesADeviceUpOnEveryPlatform) {
  Message message = plain();
  message.urgent = true;
  const std::string json = write_message(message, {}).json;
  EXPECT_EQ(at(json, "/android/priority"), "HIGH");
  EXPECT_EQ(at(json, "/apns/headers/apns-priority"), "10");
  EXPECT_EQ(at(json, "/webpush/headers/Urgency"), "high");
}

TEST(FcmMessage, TakesThePlaceOfAnEarlierOneWithTheSameKeyOnEveryPlatform) {
  Message message = plain();
  message.collapse_key = "disk-db-1";
  const std::string json = write_message(message, {}).json;
  EXPECT_EQ(at(json, "/android/collapse_key"), "disk-db-1");
  EXPECT_EQ(at(json, "/apns/headers/apns-collapse-id"), "disk-db-1");
  const std::string topic = at(json, "/webpush/headers/Topic");
  EXPECT_EQ(topic.size(), 32U) << "RFC 8030: at most 32 letters of base64url";

  const std::string long_key(65, 'k');
  message.collapse_key = long_key;
  const std::string hashed = at(write_message(message, {}).json, "/apns/headers/apns-collapse-id");
  EXPECT_EQ(hashed.size(), 43U) << "Apple takes 64 bytes at most";
  message.collapse_key =
      "stra\xc3\x9f"
      "e";
  EXPECT_EQ(at(write_message(message, {}).json, "/apns/headers/apns-collapse-id").size(), 43U)
      << "a header is ASCII";
  EXPECT_NE(at(write_message(message, {}).json, "/webpush/headers/Topic"), topic);
}

TEST(FcmMessage, EndsEverywhereWhenTheNotificationExpires) {
  Message message = plain();
  message.now = 1000;
  message.expires_at = 1090;
  const std::string json = write_message(message, {}).json;
  EXPECT_EQ(at(json, "/android/ttl"), "90s");
  EXPECT_EQ(at(json, "/apns/headers/apns-expiration"), "1090");
  EXPECT_EQ(at(json, "/webpush/headers/TTL"), "90");
  message.expires_at = 900;
  EXPECT_EQ(at(write_message(message, {}).json, "/android/ttl"), "0s");
  message.expires_at = 1'000'000'000;
  EXPECT_EQ(at(write_message(message, {}).json, "/android/ttl"), "2419200s") << "28 days at most";
}

// ---- data

TEST(FcmMessage, SendsEachValueOfTheDataAsAText) {
  Message message = plain();
  message.data = R"( {"text": "a\"b", "number": 1.50, "yes": true, "none": null,
                      "list": [1, {"x": [] }], "object": {"a": "\u00e9"}, "empty": ""} )";
  const std::string json = write_message(message, {}).json;
  EXPECT_EQ(at(json, "/data/text"), "a\"b");
  EXPECT_EQ(at(json, "/data/number"), "1.50");
  EXPECT_EQ(at(json, "/data/yes"), "true");
  EXPECT_EQ(at(json, "/data/none"), "null");
  EXPECT_EQ(at(json, "/data/list"), R"([1,{"x":[]}])");
  EXPECT_EQ(at(json, "/data/object"), "{\"a\":\"\xc3\xa9\"}");
  EXPECT_EQ(at(json, "/data/empty"), "");
  EXPECT_EQ(at(json, "/data/tocsin_id"), "ntf_1");
}

TEST(FcmMessage, SendsDataThatIsNoObjectUnderOneName) {
  Message message = plain();
  message.data = "[1,2]";
  EXPECT_EQ(at(write_message(message, {}).json, "/data/data"), "[1,2]");
}

TEST(FcmMessage, KeepsAnIdThatTheDataGivesItself) {
  Message message = plain();
  message.data = R"({"tocsin_id":"mine"})";
  EXPECT_EQ(at(write_message(message, {}).json, "/data/tocsin_id"), "mine");
}

TEST(FcmMessage, RefusesNamesOfTheDataThatAreFcmsOwn) {
  for (const std::string name : {"from", "google", "google.c", "gcm", "gcm.n.e", "message_type"}) {
    Message message = plain();
    const std::string data = R"({"fine":"1",")" + name + R"(":"x"})";
    message.data = data;
    EXPECT_EQ(
        write_message(message, {}).refusal,
        "data." + name + ": FCM keeps this name to itself (from, message_type, gcm*, google*)");
  }
  for (const char* name : {"fromage", "From", "my_google", "collapse_key"}) {
    EXPECT_EQ(data_name_fault(name), "") << name;
  }
}

// ---- overrides

TEST(FcmMessage, AddsToWhatAnOperatorWroteAndNeverChangesIt) {
  Overrides overrides;
  overrides.android = object(R"({"notification":{"channel_id":"alarms"},"priority":"NORMAL"})");
  overrides.apns = object(R"({"payload":{"aps":{"sound":"bell.caf"}}})");
  overrides.apns_headers = object(R"({"apns-priority":"1","apns-topic":"x"})");
  overrides.webpush = object(R"({"fcm_options":{"link":"https://x.example/"}})");
  Message message = plain();
  message.urgent = true;
  const std::string json = write_message(message, overrides).json;
  EXPECT_EQ(at(json, "/android/notification/channel_id"), "alarms");
  EXPECT_EQ(at(json, "/android/priority"), "NORMAL");
  EXPECT_EQ(at(json, "/apns/payload/aps/sound"), "bell.caf");
  EXPECT_EQ(at(json, "/apns/headers/apns-priority"), "1");
  EXPECT_EQ(at(json, "/apns/headers/apns-topic"), "x");
  EXPECT_EQ(at(json, "/webpush/fcm_options/link"), "https://x.example/");
  EXPECT_EQ(at(json, "/webpush/headers/Urgency"), "high");
}

TEST(FcmMessage, ReadsNothingButObjects) {
  for (const char* none : {"", "1", "[]", "{", "{}x", R"("a")", R"({"a":1,})", "null"}) {
    EXPECT_FALSE(read_object(std::string_view(none))) << none;
  }
  EXPECT_FALSE(read_object(std::string(100'000, '[')));
  std::string deep = R"({"a":)" + std::string(40, '[') + std::string(40, ']') + "}";
  EXPECT_FALSE(read_object(std::string_view(deep)));
  const JsonObject read = object(R"({"a":1,"b":{},"a":2})");
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].name + read[1].name, "ba") << "the last of the repeated ones counts";
  EXPECT_EQ(read[1].json, "2");
}

// ---- limits

std::size_t payload_bytes(const std::string& json) {
  return json.size() - std::string(R"({"message":{"token":"device",}})").size();
}

TEST(FcmMessage, CutsABodyToWhatAMessageMayHold) {
  Message message = plain();
  const std::string body(5000, 'x');
  message.body = body;
  const Written written = write_message(message, {});
  ASSERT_EQ(written.refusal, "");
  EXPECT_TRUE(written.cut);
  EXPECT_EQ(payload_bytes(written.json), kPayloadBytesMax);
  const std::string shown = at(written.json, "/notification/body");
  EXPECT_EQ(shown.substr(shown.size() - 4), "x\xe2\x80\xa6");
}

TEST(FcmMessage, CutsAMessageToATopicToHalfOfThat) {
  Message message = plain();
  message.target_kind = TargetKind::kTopic;
  message.target = "device";
  const std::string body(3000, 'x');
  message.body = body;
  const Written written = write_message(message, {});
  EXPECT_TRUE(written.cut);
  EXPECT_EQ(payload_bytes(written.json), kTopicPayloadBytesMax);
}

TEST(FcmMessage, NeverCutsInsideALetter) {
  for (const std::string letter : {"\xf0\x9f\x94\xa5", "e\xcc\x81", "\"", "\n", "\x01"}) {
    std::string body;
    while (body.size() < 6000) body += letter;
    Message message = plain();
    message.body = body;
    const Written written = write_message(message, {});
    ASSERT_EQ(written.refusal, "");
    EXPECT_TRUE(written.cut);
    EXPECT_LE(payload_bytes(written.json), kPayloadBytesMax);
    const std::string shown = at(written.json, "/notification/body");
    ASSERT_TRUE(shown.ends_with("\xe2\x80\xa6"));
    EXPECT_EQ((shown.size() - 3) % letter.size(), 0U);
    EXPECT_GT(shown.size(), 500U);
  }
}

TEST(FcmMessage, IsRefusedWhenItIsTooMuchWithoutABody) {
  Message message = plain();
  const std::string data = R"({"big":")" + std::string(4000, 'x') + R"("})";
  message.data = data;
  const std::string refusal = write_message(message, {}).refusal;
  EXPECT_TRUE(refusal.starts_with("the payload has 4")) << refusal;
  EXPECT_TRUE(refusal.ends_with(" bytes without a body, and FCM takes 4096")) << refusal;
  message.target_kind = TargetKind::kTopic;
  EXPECT_TRUE(write_message(message, {}).refusal.ends_with("FCM takes 2048 for topics"));
}

TEST(FcmMessage, KnowsWhatATopicMayBeCalled) {
  EXPECT_EQ(topic_fault("orders.paid-EU_1~%"), "");
  EXPECT_EQ(topic_fault(std::string(900, 'a')), "");
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a/b"),
                                 std::string("\xc3\xa9"), std::string(901, 'a')}) {
    EXPECT_NE(topic_fault(bad), "") << bad;
  }
}

}  // namespace
}  // namespace tocsin::output_fcm
