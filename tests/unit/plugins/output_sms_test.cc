#include <gtest/gtest.h>

#include "plugins/output/sms/form.h"
#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using output_sms::Form;
using testing::FakeHost;

constexpr const char* kQueued = R"({"sid":"SM1","status":"queued","error_code":null})";

class SmsOutputTest : public ::testing::Test {
 protected:
  void set_twilio() {
    host.settings.set("account_sid", "AC1");
    host.settings.set("auth_token", "s3cret");
    host.settings.set("from", "+15550100");
    host.settings.set("api_url", "https://twilio.example");
  }
  void start_twilio() {
    set_twilio();
    ASSERT_EQ(host.start(), "");
  }
  void set_other(const std::string& body = R"({"to":"{{key}}","text":"{{body}}"})") {
    host.settings.set("provider", "http");
    host.settings.set("http.url", "https://sms.example/send");
    host.settings.set("http.body", body);
  }
  tocsin_token deliver(const std::string& address = "sms:+4917012345678",
                       const std::string& title = "Disk full") {
    tocsin_notification notification{};
    notification.title = sdk::to_c(title);
    notification.body = sdk::to_c("94 %");
    return host.deliver("{}", address, notification);
  }
  FakeHost::SentRequest& request() { return host.requests.back(); }
  std::string field(std::string_view name) {
    const auto form = output_sms::decode_form(request().body);
    return form ? std::string(output_sms::field_of(*form, name)) : "no form";
  }
  std::string header(std::string_view name) {
    for (const auto& [key, value] : request().headers) {
      if (key == name) return value;
    }
    return "none";
  }
  const sdk::Verdict& verdict(tocsin_token attempt) { return host.verdicts.at(attempt); }

  FakeHost host{shipped("output_sms")};
};

// ---- Twilio

TEST_F(SmsOutputTest, PostsAFormToTheAccountsMessages) {
  start_twilio();
  deliver();
  EXPECT_EQ(request().method, "POST");
  EXPECT_EQ(request().url, "https://twilio.example/2010-04-01/Accounts/AC1/Messages.json");
  EXPECT_EQ(header("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(header("Authorization"), "Basic QUMxOnMzY3JldA==");
  EXPECT_EQ(request().body, "To=%2B4917012345678&Body=Disk+full%0A94+%25&From=%2B15550100");
  EXPECT_EQ(request().flags & TOCSIN_HTTP_IDEMPOTENT, 0U);
}

TEST_F(SmsOutputTest, LetsAMessagingServiceChooseTheSender) {
  set_twilio();
  host.settings.set("from", "");
  host.settings.set("messaging_service_sid", "MG1");
  ASSERT_EQ(host.start(), "");
  deliver();
  EXPECT_EQ(field("MessagingServiceSid"), "MG1");
  EXPECT_EQ(field("From"), "");
}

TEST_F(SmsOutputTest, PutsTheDeliveryIntoTheUrlThatIsCalledBack) {
  set_twilio();
  host.settings.set("status_callback", "https://gw.example/sms/");
  ASSERT_EQ(host.start(), "");
  const tocsin_token attempt = deliver();
  EXPECT_EQ(field("StatusCallback"),
            "https://gw.example/sms/status/dlv_" + std::to_string(attempt));
}

TEST_F(SmsOutputTest, GoesToItsOwnNumberWithoutAnAddress) {
  set_twilio();
  host.settings.set("to", "+15550111");
  ASSERT_EQ(host.start(), "");
  EXPECT_EQ(host.traits().has_own_address, 1U);
  deliver("");
  EXPECT_EQ(field("To"), "+15550111");
}

TEST_F(SmsOutputTest, RejectsWhatIsNoPhoneNumberAndSaysWhy) {
  start_twilio();
  EXPECT_EQ(verdict(deliver("sms:0170")).reason,
            "a phone number is written with + and its country, as +4917012345678");
  EXPECT_EQ(host.verdicts.begin()->second.kind, std::uint32_t{TOCSIN_REJECTED});
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(SmsOutputTest, IsDeliveredToTheProviderWith201AndTellsTheSegments) {
  start_twilio();
  const tocsin_token attempt = deliver("sms:+15550111", std::string(150, 'x') + "\U0001F514");
  host.answer(request(), 201, kQueued);
  EXPECT_EQ(verdict(attempt).kind, std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(verdict(attempt).provider_id, "SM1");
  EXPECT_EQ(verdict(attempt).reason, "3 segments of UCS-2");
  EXPECT_EQ(host.metrics.at("segments_total"), 3);
}

TEST_F(SmsOutputTest, CutsAndCountsWhatIsLongerThan1600Characters) {
  host.settings.set("text", std::string(1700, 'x'));
  start_twilio();
  deliver();
  EXPECT_EQ(field("Body"), std::string(1597, 'x') + "...");
  EXPECT_EQ(host.metrics.at("limit_cuts_total"), 1);
}

TEST_F(SmsOutputTest, TakesTwiliosAnswersAsItMeansThem) {
  start_twilio();
  const std::tuple<std::uint32_t, int, std::uint32_t> cases[] = {
      {400, 21211, TOCSIN_REJECTED},     {400, 21614, TOCSIN_REJECTED},
      {400, 21610, TOCSIN_TARGET_GONE},  {429, 20429, TOCSIN_THROTTLED},
      {400, 20429, TOCSIN_THROTTLED},    {401, 20003, TOCSIN_UNAUTHORIZED},
      {403, 20005, TOCSIN_UNAUTHORIZED}, {500, 20500, TOCSIN_RETRY}};
  for (const auto& [status, code, kind] : cases) {
    const tocsin_token attempt = deliver();
    host.answer(request(), status, R"({"code":)" + std::to_string(code) + R"(,"message":"no"})");
    EXPECT_EQ(verdict(attempt).kind, kind) << status << " " << code;
  }
}

TEST_F(SmsOutputTest, WaitsAsLongAsRetryAfterSays) {
  start_twilio();
  for (const std::uint32_t status : {429U, 400U}) {
    const tocsin_token attempt = deliver();
    host.answer(request(), status, R"({"code":20429,"message":"no"})", {{"Retry-After", "9"}});
    EXPECT_EQ(verdict(attempt).after, std::chrono::seconds(9)) << status;
    EXPECT_EQ(verdict(attempt).scope, sdk::Scope::kOutput) << status;
  }
}

TEST_F(SmsOutputTest, DoesNotKnowWhetherAMessageWithoutAnswerWasSent) {
  start_twilio();
  EXPECT_EQ(host.traits().idempotent, 0U);
  const tocsin_token attempt = deliver();
  host.fail(request(), TOCSIN_HTTP_TIMEOUT, true);
  EXPECT_EQ(verdict(attempt).kind, std::uint32_t{TOCSIN_AMBIGUOUS});
  const tocsin_token unsent = deliver();
  host.fail(request(), TOCSIN_HTTP_NO_CONNECTION, false);
  EXPECT_EQ(verdict(unsent).kind, std::uint32_t{TOCSIN_RETRY});
}

TEST_F(SmsOutputTest, IsPacedWithItsAccount) {
  start_twilio();
  EXPECT_EQ(sdk::view(host.traits().account), "AC1");
  EXPECT_EQ(sdk::view(host.traits().address_kind), "sms");
  EXPECT_EQ(host.traits().has_own_address, 0U);
}

TEST_F(SmsOutputTest, GivesUpTheRequestOfACancelledAttempt) {
  start_twilio();
  const tocsin_token attempt = deliver();
  host.cancel(attempt);
  EXPECT_TRUE(request().over);
  EXPECT_FALSE(host.verdicts.contains(attempt));
}

// ---- a provider that the configuration describes

TEST_F(SmsOutputTest, PostsWhatItsTemplateMakesOfTheMessage) {
  host.settings.set("text", "{{title}}!");
  host.settings.set_map("http.headers", {{"X-Api-Key", "s3cret"}});
  set_other(R"({"text":"{{body}}"})");
  ASSERT_EQ(host.start(), "");
  const tocsin_token attempt = deliver();
  EXPECT_EQ(request().url, "https://sms.example/send");
  EXPECT_EQ(request().body, R"({"text":"Disk full!"})");
  EXPECT_EQ(header("Content-Type"), "application/json");
  EXPECT_EQ(header("X-Api-Key"), "s3cret");
  EXPECT_EQ(header("Idempotency-Key"), "dlv_" + std::to_string(attempt));
}

TEST_F(SmsOutputTest, TakesAnswersAsTheConfigurationDescribesThem) {
  host.settings.set("http.code", "/code");
  host.settings.set("http.id", "/id");
  host.settings.set_map("http.codes", {{"sent", "delivered"}, {"opted_out", "target_gone"}});
  host.settings.set_map("http.statuses", {{"402", "throttled"}});
  set_other();
  ASSERT_EQ(host.start(), "");
  const std::tuple<std::uint32_t, const char*, std::uint32_t> cases[] = {
      {200, R"({"code":"sent","id":"m1"})", TOCSIN_DELIVERED},
      {200, R"({"code":"opted_out"})", TOCSIN_TARGET_GONE},
      {200, R"({"code":"what"})", TOCSIN_REJECTED},
      {402, "", TOCSIN_THROTTLED},
      {503, "", TOCSIN_RETRY},
      {401, "", TOCSIN_UNAUTHORIZED}};
  for (const auto& [status, body, kind] : cases) {
    const tocsin_token attempt = deliver();
    host.answer(request(), status, body);
    EXPECT_EQ(verdict(attempt).kind, kind) << status << body;
  }
  EXPECT_EQ(host.verdicts.begin()->second.provider_id, "m1");
}

TEST_F(SmsOutputTest, MayKnowThatAProviderDropsRepeats) {
  host.settings.set("http.idempotent", "true");
  set_other();
  ASSERT_EQ(host.start(), "");
  EXPECT_EQ(host.traits().idempotent, 1U);
  const tocsin_token attempt = deliver();
  host.fail(request(), TOCSIN_HTTP_TIMEOUT, true);
  EXPECT_EQ(verdict(attempt).kind, std::uint32_t{TOCSIN_RETRY});
}

// ---- what can never work

TEST_F(SmsOutputTest, RefusesWhatCannotBeSentAndShowsNoSecret) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"account_sid", "AC1/../x", "account_sid: Twilio's accounts are called AC and hex digits"},
      {"auth_token", "s3cret\n",
       "auth_token: Twilio wants the account's auth token, of visible ASCII"},
      {"from", "", "from: messages need a sender: either from or messaging_service_sid"},
      {"from", "a name that is too long",
       "from: a sender is +number, a short code or a name of 11 letters and digits"},
      {"messaging_service_sid", "MG1",
       "from: messages need a sender: either from or messaging_service_sid"},
      {"to", "0170", "to: a phone number is written with + and its country, as +4917012345678"},
      {"status_callback", "https://gw.example/sms?k=1",
       "status_callback: it has a query, but paths are put behind it"},
      {"status_callback", "gw.example", "status_callback: a URL begins with https:// or http://"},
      {"api_url", "https://:80", "api_url: the URL names no host"}};
  for (const auto& [key, value, why] : cases) {
    FakeHost other{shipped("output_sms")};
    host.settings = {};
    set_twilio();
    other.settings = host.settings;
    other.settings.set(key, value);
    EXPECT_EQ(other.validate(), why);
  }
}

TEST_F(SmsOutputTest, RefusesAProviderThatIsDescribedInPart) {
  set_other("");
  EXPECT_EQ(host.validate(), "http.body: a provider needs a body to be posted");
  set_other();
  host.settings.set_map("http.codes", {{"0", "delivered"}});
  EXPECT_EQ(host.validate(), "http.codes: codes need to be found: say where, with code");
  host.settings.set("http.code", "code");
  EXPECT_EQ(host.validate(), "http.code: a JSON pointer begins with /, as /error/code");
  host.settings.set("http.code", "/code");
  host.settings.set_map("http.statuses", {{"40x", "retry"}});
  EXPECT_EQ(host.validate(),
            "http.statuses: a status is written as 409, or as 4xx for all of them");
  host.settings.set_map("http.statuses", {});
  host.settings.set_map("http.headers", {{"Host", "s3cret"}});
  EXPECT_EQ(host.validate(), "http.headers: the gateway itself writes the header \"Host\"");
}

}  // namespace
}  // namespace tocsin
