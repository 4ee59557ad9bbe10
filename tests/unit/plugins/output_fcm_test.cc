#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/plugins/fcm_account.h"
#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using namespace std::chrono_literals;
using testing::FakeHost;

constexpr const char* kTokenUrl = "https://oauth.example/token";
constexpr const char* kSendUrl = "https://fcm.googleapis.com/v1/projects/tocsin-test/messages:send";
constexpr const char* kSent = R"({"name":"projects/tocsin-test/messages/1"})";

class FcmOutputTest : public ::testing::Test {
 protected:
  FcmOutputTest() { host.settings.set("credentials", AccountFile().json()); }

  void start() { ASSERT_EQ(host.start(), ""); }
  tocsin_token deliver(const std::string& device = "one", const tocsin_notification& n = {}) {
    return host.deliver(R"({"topic":"a"})", "fcm:" + device, n);
  }
  FakeHost::SentRequest& last() { return host.requests.back(); }
  void grant(FakeHost::SentRequest& request, const std::string& token = "ya29.t",
             int seconds = 3600) {
    ASSERT_EQ(request.url, kTokenUrl);
    host.answer(request, 200,
                R"({"access_token":")" + token + R"(","token_type":"Bearer","expires_in":)" +
                    std::to_string(seconds) + "}");
  }
  std::uint32_t kind_of(tocsin_token attempt) const { return host.verdicts.at(attempt).kind; }
  std::string authorization(const FakeHost::SentRequest& request) {
    return request.headers.at(0).first == "Authorization" ? request.headers.at(0).second : "none";
  }
  std::size_t sent_to(const std::string& url) const {
    std::size_t count = 0;
    for (const auto& request : host.requests) count += request.url == url ? 1 : 0;
    return count;
  }

  FakeHost host{shipped("output_fcm")};
};

TEST_F(FcmOutputTest, ExchangesAnAssertionForATokenAndSendsWithIt) {
  start();
  const tocsin_token attempt = deliver();
  ASSERT_EQ(host.requests.size(), 1U);
  EXPECT_EQ(last().method, "POST");
  EXPECT_EQ(last().headers.at(0).second, "application/x-www-form-urlencoded");
  EXPECT_TRUE(last().body.starts_with(
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ"));
  EXPECT_NE(last().flags & TOCSIN_HTTP_IDEMPOTENT, 0U);
  grant(last());
  ASSERT_EQ(host.requests.size(), 2U);
  EXPECT_EQ(last().url, kSendUrl);
  EXPECT_EQ(authorization(last()), "Bearer ya29.t");
  EXPECT_EQ(last().flags & TOCSIN_HTTP_IDEMPOTENT, 0U) << "FCM drops no repeats";
  host.answer(last(), 200, kSent);
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(host.verdicts.at(attempt).provider_id, "projects/tocsin-test/messages/1");
}

TEST_F(FcmOutputTest, WaitsWithAllForOneExchangeAndUsesItsTokenAgain) {
  start();
  for (int i = 0; i < 100; ++i) deliver(std::to_string(i));
  EXPECT_EQ(host.requests.size(), 1U);
  grant(last());
  EXPECT_EQ(sent_to(kSendUrl), 100U);
  deliver("late");
  EXPECT_EQ(sent_to(kTokenUrl), 1U);
  EXPECT_EQ(sent_to(kSendUrl), 101U);
}

TEST_F(FcmOutputTest, RenewsATokenBeforeItEndsAndSendsOnWithTheOldOne) {
  start();
  deliver();
  grant(last());
  host.clock.advance(54min);
  deliver();
  EXPECT_EQ(sent_to(kTokenUrl), 1U);
  host.clock.advance(2min);  // less than five are left
  deliver();
  EXPECT_EQ(sent_to(kTokenUrl), 2U);
  EXPECT_EQ(authorization(last()), "Bearer ya29.t");
  deliver();
  EXPECT_EQ(sent_to(kTokenUrl), 2U) << "one renewal at a time";
  for (auto& request : host.requests) {
    if (!request.over && request.url == kTokenUrl) grant(request, "ya29.next");
  }
  deliver();
  EXPECT_EQ(authorization(last()), "Bearer ya29.next");
}

TEST_F(FcmOutputTest, SendsOnWithTheOldTokenWhileItsRenewalFailsAndAsksAgainLater) {
  start();
  deliver();
  grant(last());
  host.clock.advance(56min);
  deliver();
  for (auto& request : host.requests) {
    if (!request.over && request.url == kTokenUrl) host.answer(request, 503);
  }
  deliver();
  EXPECT_EQ(sent_to(kTokenUrl), 2U);
  EXPECT_EQ(last().url, kSendUrl);
  host.clock.advance(31s);
  deliver();
  EXPECT_EQ(sent_to(kTokenUrl), 3U);
}

TEST_F(FcmOutputTest, NeverUsesATokenThatHasEnded) {
  start();
  deliver();
  grant(last(), "ya29.t", 40);
  host.clock.advance(41s);
  deliver();
  EXPECT_EQ(last().url, kTokenUrl);
  EXPECT_EQ(sent_to(kSendUrl), 1U);
}

TEST_F(FcmOutputTest, AsksForAnotherTokenOnceWhenOneIsRefused) {
  start();
  const tocsin_token attempt = deliver();
  grant(last());
  host.answer(last(), 401, R"({"error":{"status":"UNAUTHENTICATED","message":"Expired"}})");
  EXPECT_FALSE(host.verdicts.contains(attempt));
  grant(last(), "ya29.next");
  EXPECT_EQ(authorization(last()), "Bearer ya29.next");
  host.answer(last(), 200, kSent);
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_DELIVERED});
}

TEST_F(FcmOutputTest, CallsTheAccountRefusedWhenTheSecondTokenIs) {
  start();
  const tocsin_token attempt = deliver();
  grant(last());
  host.answer(last(), 401, R"({"error":{"status":"UNAUTHENTICATED","message":"Expired"}})");
  grant(last(), "ya29.next");
  host.answer(last(), 401, R"({"error":{"status":"UNAUTHENTICATED","message":"Expired"}})");
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_UNAUTHORIZED});
  EXPECT_EQ(host.verdicts.at(attempt).scope, sdk::Scope::kAccount);
  deliver();
  EXPECT_EQ(last().url, kTokenUrl) << "the refused token is not used again";
}

TEST_F(FcmOutputTest, ExchangesOnceForManyWhoseTokenWasRefusedTogether) {
  start();
  for (int i = 0; i < 10; ++i) deliver(std::to_string(i));
  grant(last());
  for (std::size_t i = 1; i <= 10; ++i) host.answer(host.requests[i], 401, "{}");
  EXPECT_EQ(sent_to(kTokenUrl), 2U);
  EXPECT_EQ(last().url, kTokenUrl);
  grant(last(), "ya29.next");
  EXPECT_EQ(sent_to(kSendUrl), 20U);
}

TEST_F(FcmOutputTest, TellsAllWhoWaitedWhatAFailedExchangeComesTo) {
  start();
  const tocsin_token first = deliver();
  const tocsin_token second = deliver();
  host.answer(last(), 400, R"({"error":"invalid_grant","error_description":"No such account"})");
  for (const tocsin_token attempt : {first, second}) {
    EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_UNAUTHORIZED});
    EXPECT_EQ(host.verdicts.at(attempt).reason,
              "the token endpoint answered invalid_grant: No such account");
  }
  const tocsin_token third = deliver();
  host.fail(last(), TOCSIN_HTTP_TIMEOUT, true);
  EXPECT_EQ(kind_of(third), std::uint32_t{TOCSIN_RETRY}) << "no message was sent";
}

TEST_F(FcmOutputTest, GivesUpTheWaitForATokenBeforeTheAttemptIsGivenUp) {
  start();
  const tocsin_token first = deliver();
  host.advance(10s);
  const tocsin_token second = deliver();
  host.advance(11s);
  EXPECT_EQ(kind_of(first), std::uint32_t{TOCSIN_RETRY});
  EXPECT_FALSE(host.verdicts.contains(second));
  grant(host.requests[0]);
  EXPECT_EQ(sent_to(kSendUrl), 1U) << "of the second alone";
  EXPECT_EQ(host.late, 0U);
}

TEST_F(FcmOutputTest, ForgetsWhoIsCancelledWhileItWaitsOrIsSent) {
  start();
  const tocsin_token first = deliver("first");
  const tocsin_token second = deliver("second");
  host.cancel(first);
  grant(last());
  EXPECT_EQ(sent_to(kSendUrl), 1U);
  host.cancel(second);
  EXPECT_TRUE(last().over);
  EXPECT_TRUE(host.verdicts.empty());
  EXPECT_EQ(host.late, 0U);
}

TEST_F(FcmOutputTest, EndsWithAnExchangeUnderWay) {
  start();
  deliver();
  host.stop();
  EXPECT_TRUE(host.requests.at(0).over);
}

TEST_F(FcmOutputTest, TakesNoTokenThatWouldEndAHeader) {
  start();
  const tocsin_token attempt = deliver();
  host.answer(last(), 200, R"({"access_token":"a\r\nX: y","expires_in":3600})");
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_RETRY});
}

TEST_F(FcmOutputTest, CallsAMessageAmbiguousWhoseAnswerWasLost) {
  start();
  const tocsin_token sent = deliver();
  grant(last());
  host.fail(last(), TOCSIN_HTTP_TIMEOUT, true);
  EXPECT_EQ(kind_of(sent), std::uint32_t{TOCSIN_AMBIGUOUS});
  const tocsin_token unsent = deliver();
  host.fail(last(), TOCSIN_HTTP_NO_CONNECTION, false);
  EXPECT_EQ(kind_of(unsent), std::uint32_t{TOCSIN_RETRY});
}

TEST_F(FcmOutputTest, SaysWhomItReachesAndWhoseQuotaItSpends) {
  start();
  const tocsin_output_traits devices = host.traits();
  EXPECT_EQ(sdk::view(devices.address_kind), "fcm");
  EXPECT_EQ(devices.has_own_address, 0U);
  EXPECT_EQ(devices.idempotent, 0U);
  EXPECT_EQ(sdk::view(devices.account), "fcm:push@tocsin-test.example");
  host.stop();
  host.settings.set("topic", "ops");
  start();
  EXPECT_EQ(host.traits().has_own_address, 1U);
}

TEST_F(FcmOutputTest, GoesToItsTopicWhenNobodyIsNamed) {
  host.settings.set("topic", "{{labels.team}}");
  start();
  const tocsin_label labels[] = {{sdk::to_c("team"), sdk::to_c("/topics/payments")}};
  tocsin_notification n{};
  n.title = sdk::to_c("Paid");
  n.labels = labels;
  n.label_count = 1;
  n.label_stride = sizeof(tocsin_label);
  host.deliver(R"({"topic":"a"})", "", n);
  grant(last());
  EXPECT_TRUE(
      last().body.starts_with(R"({"message":{"topic":"payments","notification":{"title":"Paid"})"))
      << last().body;
  const tocsin_token nameless = host.deliver(R"({"topic":"a"})");
  EXPECT_EQ(kind_of(nameless), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(host.verdicts.at(nameless).reason,
            "the topic: a topic is up to 900 letters, digits and - _ . ~ %");
}

TEST_F(FcmOutputTest, CountsBodiesThatItCut) {
  start();
  const std::string body(5000, 'x');
  tocsin_notification n{};
  n.body = sdk::to_c(body);
  deliver("one", n);
  deliver("two");
  EXPECT_EQ(host.metrics.at("cuts_total"), 1.0);
}

TEST_F(FcmOutputTest, RejectsWhatFcmWouldRefuseWithoutAskingIt) {
  start();
  tocsin_notification n{};
  n.data = sdk::to_c(R"({"gcm.x":"1"})");
  const tocsin_token attempt = deliver("one", n);
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(host.verdicts.at(attempt).reason,
            "data.gcm.x: FCM keeps this name to itself (from, message_type, gcm*, google*)");
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(FcmOutputTest, TakesOtherTextsWithoutBeingMadeAnewAndKeepsItsToken) {
  start();
  deliver();
  grant(last());
  host.settings.set("title", "Alarm: {{title}}");
  host.settings.set("android", R"({"notification":{"channel_id":"alarms"}})");
  ASSERT_EQ(host.reconfigure(), "");
  host.adopt();
  tocsin_notification n{};
  n.title = sdk::to_c("fire");
  deliver("one", n);
  EXPECT_EQ(sent_to(kTokenUrl), 1U);
  EXPECT_NE(last().body.find(R"("title":"Alarm: fire")"), std::string::npos);
  EXPECT_NE(last().body.find(R"("android":{"notification":{"channel_id":"alarms"},)"),
            std::string::npos);
}

TEST_F(FcmOutputTest, RefusesSettingsThatCouldNeverSend) {
  host.settings.set("android", "[1]");
  EXPECT_EQ(host.validate(), "android: is no mapping, and no JSON object either");
  host.settings.set("android", "{}");
  host.settings.set("apns", R"({"headers":"x"})");
  EXPECT_EQ(host.validate(), "apns: its headers are no mapping");
  host.settings.set("apns", "{}");
  host.settings.set("topic", "a");
  host.settings.set("condition", "b");
  EXPECT_EQ(host.validate(), "condition: a message goes to a topic or to a condition, not to both");
  host.settings.set("credentials", "/nowhere/account.json");
  EXPECT_EQ(host.validate(),
            "credentials: /nowhere/account.json: cannot be read: No such file or directory");
}

TEST_F(FcmOutputTest, LogsNeitherItsKeyNorATokenNorAnAssertion) {
  start();
  deliver();
  const std::string assertion = last().body.substr(last().body.find("eyJ"));
  host.answer(last(), 400, R"({"error":"invalid_grant"})");
  deliver();
  grant(last(), "ya29.s3cret");
  host.answer(last(), 401, "{}");
  const std::string key = AccountFile().private_key.substr(40, 40);
  for (const auto& line : host.log) {
    for (const std::string& secret : {assertion, std::string("ya29.s3cret"), key}) {
      EXPECT_EQ(line.text.find(secret), std::string::npos) << line.text;
    }
  }
}

}  // namespace
}  // namespace tocsin
