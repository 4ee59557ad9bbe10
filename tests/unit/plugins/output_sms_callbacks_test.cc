// What Twilio calls back with, at a route that ends in the output.

#include <gtest/gtest.h>

#include "plugins/output/sms/form.h"
#include "plugins/output/sms/signature.h"
#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using output_sms::Form;
using testing::FakeHost;

constexpr const char* kToken = "s3cret";
constexpr const char* kBase = "https://gw.example/sms";

class SmsCallbackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    host.settings.set("account_sid", "AC1");
    host.settings.set("auth_token", kToken);
    host.settings.set("from", "+15550100");
    host.settings.set("status_callback", kBase);
    ASSERT_EQ(host.start(), "");
  }
  void TearDown() override {
    for (const tocsin_token token : exchanges) host.end_request(token);
  }
  tocsin_token post(const std::string& path, const Form& form, const std::string& signature) {
    exchanges.push_back(host.request("POST", path, output_sms::encode_form(form),
                                     {{"X-Twilio-Signature", signature}}, "/sms"));
    return exchanges.back();
  }
  tocsin_token signed_post(const std::string& path, const Form& form) {
    return post(path, form, output_sms::signature_of(kToken, kBase + path, form));
  }
  tocsin_token status(const std::string& state, const std::string& code = {}) {
    Form form = {{"MessageSid", "SM1"}, {"MessageStatus", state}, {"To", "+15550111"}};
    if (!code.empty()) form.emplace_back("ErrorCode", code);
    return signed_post("/status/dlv_1", form);
  }
  tocsin_token inbound(const std::string& body, const std::string& from = "+15550111") {
    return signed_post("/inbound", {{"From", from}, {"To", "+15550100"}, {"Body", body}});
  }
  bool is_answered(tocsin_token exchange) const { return host.answers.contains(exchange); }
  std::uint32_t answer(tocsin_token exchange) const { return host.answers.at(exchange).status; }

  FakeHost host{shipped("output_sms")};
  std::vector<tocsin_token> exchanges;
};

// ---- states

TEST_F(SmsCallbackTest, ReportsWhatBecameOfADelivery) {
  status("sent");
  status("delivered");
  status("undelivered", "30005");
  ASSERT_EQ(host.reports.size(), 3U);
  EXPECT_EQ(host.reports[0].state, std::uint32_t{TOCSIN_REPORT_ACCEPTED});
  EXPECT_EQ(host.reports[1].state, std::uint32_t{TOCSIN_REPORT_DELIVERED});
  EXPECT_EQ(host.reports[2].state, std::uint32_t{TOCSIN_REPORT_BOUNCED});
  EXPECT_EQ(host.reports[2].delivery_id, "dlv_1");
  EXPECT_EQ(host.reports[2].provider_id, "SM1");
  EXPECT_EQ(host.reports[2].reason, "Twilio says undelivered: error 30005");
}

TEST_F(SmsCallbackTest, HandsOnRepeatedStatesAndThoseOutOfOrderForTheHostToJudge) {
  for (const char* state : {"delivered", "sent", "delivered", "queued"}) {
    status(state);
    host.answer(host.reports.back(), TOCSIN_OK);
  }
  EXPECT_EQ(host.reports.size(), 4U);
  for (const tocsin_token exchange : exchanges) EXPECT_EQ(answer(exchange), 204U);
}

TEST_F(SmsCallbackTest, AnswersOnlyOnceTheStateIsKept) {
  const tocsin_token exchange = status("delivered");
  EXPECT_FALSE(is_answered(exchange));
  host.answer(host.reports.at(0), TOCSIN_OK);
  EXPECT_EQ(answer(exchange), 204U);
}

TEST_F(SmsCallbackTest, LetsTheProviderRepeatWhatCannotBeKept) {
  const tocsin_token exchange = status("delivered");
  host.answer(host.reports.at(0), TOCSIN_UNAVAILABLE);
  EXPECT_EQ(answer(exchange), 503U);
  host.store_refusal = TOCSIN_FULL;
  EXPECT_EQ(answer(status("delivered")), 503U);
}

TEST_F(SmsCallbackTest, SaysWhenThereIsNoSuchDelivery) {
  const tocsin_token exchange = status("delivered");
  host.answer(host.reports.at(0), TOCSIN_NOT_FOUND);
  EXPECT_EQ(answer(exchange), 404U);
}

TEST_F(SmsCallbackTest, TakesAStateItDoesNotKnowCalmly) {
  EXPECT_EQ(answer(status("teleported")), 204U);
  EXPECT_TRUE(host.reports.empty());
}

TEST_F(SmsCallbackTest, ForgetsAnExchangeThatEndsBeforeTheStoreAnswers) {
  const tocsin_token exchange = status("delivered");
  exchanges.clear();
  host.end_request(exchange);
  host.answer(host.reports.at(0), TOCSIN_OK);
  EXPECT_FALSE(is_answered(exchange));
}

// ---- opting out

TEST_F(SmsCallbackTest, SuppressesWhoAnswersStop) {
  const tocsin_token exchange = inbound("Stop");
  ASSERT_EQ(host.suppressions.size(), 1U);
  EXPECT_FALSE(host.suppressions[0].lift);
  EXPECT_EQ(host.suppressions[0].address, "sms:+15550111");
  EXPECT_EQ(host.suppressions[0].reason, "the recipient has opted out");
  EXPECT_EQ(host.suppressions[0].ttl, std::chrono::seconds(0)) << "for ever";
  EXPECT_FALSE(is_answered(exchange));
  host.answer(host.suppressions[0], TOCSIN_OK);
  EXPECT_EQ(answer(exchange), 200U);
  EXPECT_EQ(host.answers.at(exchange).body, "<Response/>");
}

TEST_F(SmsCallbackTest, LiftsThatForWhoAnswersStart) {
  const tocsin_token exchange = inbound("START");
  ASSERT_EQ(host.suppressions.size(), 1U);
  EXPECT_TRUE(host.suppressions[0].lift);
  host.answer(host.suppressions[0], TOCSIN_NOT_FOUND);
  EXPECT_EQ(answer(exchange), 200U) << "nothing was to be lifted";
}

TEST_F(SmsCallbackTest, LetsTheProviderRepeatAWishThatCannotBeKept) {
  const tocsin_token exchange = inbound("STOP");
  host.answer(host.suppressions.at(0), TOCSIN_UNAVAILABLE);
  EXPECT_EQ(answer(exchange), 503U);
}

TEST_F(SmsCallbackTest, HearsOtherAnswersAndNumbersWithoutAWord) {
  EXPECT_EQ(answer(inbound("Please stop by tomorrow")), 200U);
  EXPECT_EQ(answer(inbound("STOP", "whatsapp:+15550111")), 200U);
  EXPECT_TRUE(host.suppressions.empty());
}

// ---- whom it believes

TEST_F(SmsCallbackTest, BelievesNothingThatIsNotSigned) {
  const Form form = {{"MessageStatus", "delivered"}};
  const std::string good =
      output_sms::signature_of(kToken, std::string(kBase) + "/status/dlv_1", form);
  EXPECT_EQ(answer(post("/status/dlv_1", form, "")), 403U);
  EXPECT_EQ(answer(post("/status/dlv_2", form, good)), 403U) << "another delivery";
  EXPECT_EQ(answer(post("/status/dlv_1", {{"MessageStatus", "failed"}}, good)), 403U);
  EXPECT_EQ(answer(post("/inbound", {{"From", "+15550111"}, {"Body", "STOP"}}, good)), 403U);
  EXPECT_TRUE(host.reports.empty());
  EXPECT_TRUE(host.suppressions.empty());
  EXPECT_EQ(host.metrics.at("callbacks_refused_total"), 4);
  post("/status/dlv_1", form, good);
  EXPECT_EQ(host.reports.size(), 1U);
}

TEST_F(SmsCallbackTest, LooksAtTheQueryThatWasSignedToo) {
  signed_post("/status/dlv_1?a=1", {{"MessageStatus", "delivered"}});
  EXPECT_EQ(host.reports.size(), 1U);
}

TEST_F(SmsCallbackTest, RefusesWhatIsNoCallback) {
  const auto ask = [this](const char* method, const char* path) {
    exchanges.push_back(host.request(method, path, "a=1"));
    return answer(exchanges.back());
  };
  EXPECT_EQ(ask("POST", "/"), 404U);
  EXPECT_EQ(ask("POST", "/status/"), 404U);
  EXPECT_EQ(ask("GET", "/inbound"), 405U);
  exchanges.push_back(host.request("POST", "/inbound", "a=%"));
  EXPECT_EQ(answer(exchanges.back()), 400U);
  exchanges.push_back(host.request("POST", "/inbound", std::string(65 * 1024, 'x')));
  EXPECT_EQ(answer(exchanges.back()), 413U);
}

TEST(SmsCallback, IsTakenByNobodyWithoutAStatusCallback) {
  FakeHost host(shipped("output_sms"));
  host.settings.set("account_sid", "AC1");
  host.settings.set("auth_token", kToken);
  host.settings.set("from", "+15550100");
  ASSERT_EQ(host.start(), "");
  const tocsin_token exchange = host.request("POST", "/inbound", "a=1");
  EXPECT_EQ(host.answers.at(exchange).status, 404U);
  host.end_request(exchange);
}

}  // namespace
}  // namespace tocsin
