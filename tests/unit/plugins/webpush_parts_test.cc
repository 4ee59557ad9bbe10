// Subscriptions, payloads and answers of web push.

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "plugins/output/webpush/classify.h"
#include "plugins/output/webpush/encryption.h"
#include "plugins/output/webpush/payload.h"
#include "plugins/output/webpush/subscription.h"
#include "tocsin/sdk/base64url.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_webpush {
namespace {

using sdk::Scope;
using sdk::Verdict;

const std::string kPoint = sdk::base64url("\x04" + std::string(64, 'p'));
const std::string kSecret = sdk::base64url(std::string(16, 'a'));
const std::string kKeys = kPoint + "." + kSecret + "@";

std::string why(const std::string& value) { return Subscription().read(value); }

// ---- subscriptions

TEST(WebPushSubscription, IsReadFromItsShortForm) {
  Subscription read;
  ASSERT_EQ(read.read(kKeys + "https://push.example/v2/a.b@c?d=e"), "");
  EXPECT_EQ(read.endpoint, "https://push.example/v2/a.b@c?d=e");
  EXPECT_EQ(read.origin, "https://push.example");
  EXPECT_EQ(read.public_key, "\x04" + std::string(64, 'p'));
  EXPECT_EQ(read.auth, std::string(16, 'a'));
}

TEST(WebPushSubscription, IsReadAsABrowserWritesIt) {
  Subscription read;
  ASSERT_EQ(read.read(R"({"endpoint":"https://push.example:8443/x","expirationTime":null,"keys":)"
                      R"({"p256dh":")" +
                      kPoint + R"(=","auth":")" + kSecret + R"(=="}})"),
            "");
  EXPECT_EQ(read.origin, "https://push.example:8443");
  EXPECT_EQ(read.auth, std::string(16, 'a'));
}

TEST(WebPushSubscription, SaysWhatIsWrongWithOne) {
  const std::string endpoint = "https://push.example/";
  EXPECT_EQ(why("https://push.example/"),
            "write webpush:P256DH.AUTH@ENDPOINT, or the subscription's JSON behind webpush:");
  EXPECT_EQ(why("{"), "the subscription is no JSON");
  for (const char* bad : {"", "ftp://x/", "push.example", "https://", "https:///x",
                          "https://user@host/", "https://a\"b/"}) {
    EXPECT_EQ(why(kKeys + bad), "the subscription's endpoint is no URL") << bad;
  }
  EXPECT_EQ(why(kPoint.substr(4) + "." + kSecret + "@" + endpoint),
            "the subscription's p256dh is no key: base64url of 65 bytes");
  EXPECT_EQ(why(sdk::base64url(std::string(65, '\x02')) + "." + kSecret + "@" + endpoint),
            "the subscription's p256dh is no key: base64url of 65 bytes");
  EXPECT_EQ(why(kPoint + "." + kSecret + "AAAA@" + endpoint),
            "the subscription's auth is no secret: base64url of 16 bytes");
}

TEST(WebPushSubscription, KnowsAnOriginAsTokensNameIt) {
  EXPECT_EQ(origin_of("https://Push.Example:443/a"), "https://push.example");
  EXPECT_EQ(origin_of("http://127.0.0.1:80?x"), "http://127.0.0.1");
  EXPECT_EQ(origin_of("https://[2001:db8::1]:444/"), "https://[2001:db8::1]:444");
}

// ---- base64url

TEST(Base64Url, GoesBothWaysAndTakesNothingElse) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd"}) {
    EXPECT_EQ(sdk::from_base64url(sdk::base64url(text)), text);
  }
  EXPECT_EQ(sdk::base64url("foob"), "Zm9vYg");
  EXPECT_EQ(sdk::base64url("\xff\xef\xbe"), "_---");
  for (const char* bad : {"A", "Zm9vY", "Zm9vYg==", "Zm9v+g", "Zm 9", "Zh"}) {
    EXPECT_EQ(sdk::from_base64url(bad), std::nullopt) << bad;
  }
}

// ---- payloads

Payload plain() {
  return {.id = "ntf_1",
          .topic = "orders.paid",
          .level = TOCSIN_LEVEL_WARNING,
          .title = "Paid",
          .body = "twice",
          .key = "o-1",
          .data = R"({"n":2})"};
}

TEST(WebPushPayload, IsTheNotificationWithItsId) {
  const WrittenPayload written = write_payload(plain());
  EXPECT_EQ(written.refusal, "");
  EXPECT_FALSE(written.cut);
  EXPECT_EQ(written.json, R"({"id":"ntf_1","topic":"orders.paid","level":"warning","title":"Paid",)"
                          R"("body":"twice","key":"o-1","data":{"n":2}})");
}

TEST(WebPushPayload, IsCutToWhatOneRecordHoldsNeverInsideALetter) {
  for (const std::string letter : {"x", "\xf0\x9f\x94\xa5", "\"", "\x01"}) {
    Payload payload = plain();
    std::string body;
    while (body.size() < 6000) body += letter;
    payload.body = body;
    const WrittenPayload written = write_payload(payload);
    ASSERT_EQ(written.refusal, "");
    EXPECT_TRUE(written.cut);
    EXPECT_LE(written.json.size(), kPlainBytesMax);
    const auto read = sdk::JsonReply::read(written.json);
    ASSERT_TRUE(read) << written.json;
    const std::string shown(read->text("/body").value_or(""));
    ASSERT_TRUE(shown.ends_with("\xe2\x80\xa6"));
    EXPECT_EQ((shown.size() - 3) % letter.size(), 0U);
    EXPECT_GT(shown.size(), 500U);
  }
}

TEST(WebPushPayload, IsRefusedWhenItIsTooMuchWithoutABody) {
  Payload payload = plain();
  const std::string data = '"' + std::string(4000, 'x') + '"';
  payload.data = data;
  EXPECT_TRUE(write_payload(payload).refusal.ends_with(
      " bytes without a body, and a push message holds 3993"));
}

TEST(WebPushPayload, SaysByItsLevelHowUrgentItIs) {
  EXPECT_EQ(urgency_of(TOCSIN_LEVEL_TRACE), "very-low");
  EXPECT_EQ(urgency_of(TOCSIN_LEVEL_DEBUG), "very-low");
  EXPECT_EQ(urgency_of(TOCSIN_LEVEL_INFO), "low");
  EXPECT_EQ(urgency_of(TOCSIN_LEVEL_NOTICE), "normal");
  EXPECT_EQ(urgency_of(TOCSIN_LEVEL_WARNING), "normal");
  EXPECT_EQ(urgency_of(TOCSIN_LEVEL_ERROR), "high");
  EXPECT_EQ(urgency_of(TOCSIN_LEVEL_EMERGENCY), "high");
}

TEST(WebPushPayload, HashesAKeyIntoATopicOfItsOwn) {
  EXPECT_EQ(topic_of(""), "");
  for (const std::string& key :
       {std::string("o-1"), std::string("\xc3\xa9"), std::string(256, 'k')}) {
    const std::string topic = topic_of(key);
    EXPECT_EQ(topic.size(), 32U);
    EXPECT_EQ(topic.find_first_not_of(sdk::kBase64UrlDigits), std::string::npos);
  }
  EXPECT_NE(topic_of("o-1"), topic_of("o-2"));
}

TEST(WebPushPayload, IsKeptNoLongerThanItsNotificationLasts) {
  EXPECT_EQ(ttl_of(86'400, 0, 1000), 86'400);
  EXPECT_EQ(ttl_of(86'400, 1060, 1000), 60);
  EXPECT_EQ(ttl_of(86'400, 900, 1000), 0);
  EXPECT_EQ(ttl_of(60, 5000, 1000), 60);
}

// ---- answers

TEST(WebPushClassify, A201IsDeliveredUnderTheMessagesUrl) {
  const Verdict verdict = classify(Verdict::delivered(), 201, "https://push.example/m/1");
  EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(verdict.provider_id, "https://push.example/m/1");
}

TEST(WebPushClassify, A404OrA410IsATargetThatIsGone) {
  EXPECT_EQ(classify(Verdict::rejected("404"), 404, "").kind, std::uint32_t{TOCSIN_TARGET_GONE});
  EXPECT_EQ(classify(Verdict::target_gone("410"), 410, "").kind, std::uint32_t{TOCSIN_TARGET_GONE});
}

TEST(WebPushClassify, A400OrA401OrA403IsAboutOurKeyAndKeepsTheSubscription) {
  for (const std::uint32_t status : {400U, 401U, 403U}) {
    const Verdict verdict = classify(Verdict::rejected("x"), status, "");
    EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_UNAUTHORIZED}) << status;
    EXPECT_EQ(verdict.scope, Scope::kAccount) << status;
  }
}

TEST(WebPushClassify, A413IsRejected) {
  EXPECT_EQ(classify(Verdict::retry("x"), 413, "").kind, std::uint32_t{TOCSIN_REJECTED});
}

TEST(WebPushClassify, A429IsThrottledAsHttpSays) {
  const Verdict verdict = classify(Verdict::throttled("429", std::chrono::seconds(7)), 429, "");
  EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_THROTTLED});
  EXPECT_EQ(verdict.after, std::chrono::seconds(7));
}

TEST(WebPushClassify, WhatWasNotAnsweredIsHttpsToJudge) {
  EXPECT_EQ(classify(Verdict::ambiguous("cut"), 0, "").kind, std::uint32_t{TOCSIN_AMBIGUOUS});
}

}  // namespace
}  // namespace tocsin::output_webpush
