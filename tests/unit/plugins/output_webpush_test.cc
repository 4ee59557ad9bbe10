#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using testing::FakeHost;

// The keys of RFC 8291, appendix A.
constexpr const char* kPrivateKey = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
constexpr const char* kPublicKey =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
const std::string kKeys =
    "webpush:BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-"
    "AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    ".BTBZMqHH6r4Tts7J_aSIgg@";

class WebPushOutputTest : public ::testing::Test {
 protected:
  WebPushOutputTest() {
    host.settings.set("private_key", kPrivateKey);
    host.settings.set("subject", "mailto:ops@example.com");
  }

  void start() { ASSERT_EQ(host.start(), ""); }
  tocsin_token deliver(const tocsin_notification& n = {},
                       const std::string& endpoint = "https://push.example/v2/1") {
    return host.deliver(R"({"topic":"a"})", kKeys + endpoint, n);
  }
  std::string header(const std::string& name) {
    for (const auto& [key, value] : host.requests.back().headers) {
      if (key == name) return value;
    }
    return "none";
  }
  std::uint32_t kind_of(tocsin_token attempt) const { return host.verdicts.at(attempt).kind; }

  FakeHost host{shipped("output_webpush")};
};

TEST_F(WebPushOutputTest, PostsAnEncryptedMessageToTheSubscriptionsEndpoint) {
  start();
  tocsin_notification n{};
  n.level = TOCSIN_LEVEL_ERROR;
  n.key = sdk::to_c("disk-1");
  n.title = sdk::to_c("Disk full");
  const tocsin_token attempt = deliver(n);
  ASSERT_EQ(host.requests.size(), 1U);
  const FakeHost::SentRequest& request = host.requests.back();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://push.example/v2/1");
  EXPECT_EQ(request.body.find("Disk full"), std::string::npos);
  EXPECT_GT(request.body.size(), 103U);
  EXPECT_EQ(request.flags & TOCSIN_HTTP_IDEMPOTENT, 0U) << "push services drop no repeats";
  EXPECT_TRUE(header("Authorization").starts_with("vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9."));
  EXPECT_TRUE(header("Authorization").ends_with(std::string(", k=") + kPublicKey));
  EXPECT_EQ(header("TTL"), "86400");
  EXPECT_EQ(header("Urgency"), "high");
  EXPECT_EQ(header("Topic").size(), 32U);
  EXPECT_EQ(header("Content-Encoding"), "aes128gcm");
  host.answer(host.requests.back(), 201, "", {{"Location", "https://push.example/m/1"}});
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(host.verdicts.at(attempt).provider_id, "https://push.example/m/1");
}

TEST_F(WebPushOutputTest, GuardsItsRequestsSinceEndpointsComeFromData) {
  host.settings.set_list("allow", {"127.0.0.0/8", "10.1.0.0/16"});
  start();
  deliver();
  EXPECT_EQ(host.requests.back().transport, "verified guarded allow=127.0.0.0/8,10.1.0.0/16");
}

TEST_F(WebPushOutputTest, SignsOnceForEachServiceUntilItsTokenIsHalfOver) {
  start();
  deliver();
  const std::string first = header("Authorization");
  deliver({}, "https://push.example/v2/2");
  EXPECT_EQ(header("Authorization"), first);
  deliver({}, "https://other.example/2");
  EXPECT_NE(header("Authorization"), first);
  host.clock.advance(std::chrono::hours(6));
  deliver();
  EXPECT_NE(header("Authorization"), first);
}

TEST_F(WebPushOutputTest, KeepsAMessageNoLongerThanItsNotificationLasts) {
  host.settings.set("ttl", "1h");
  start();
  tocsin_notification n{};
  n.expires_at_ns = (host.clock.wall() + std::chrono::seconds(90)).count();
  deliver(n);
  EXPECT_EQ(header("TTL"), "90");
  EXPECT_EQ(header("Topic"), "none");
  deliver();
  EXPECT_EQ(header("TTL"), "3600");
}

TEST_F(WebPushOutputTest, RejectsAnAddressThatIsNoSubscription) {
  start();
  const tocsin_token attempt = host.deliver(R"({"topic":"a"})", "webpush:https://push.example/");
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(host.verdicts.at(attempt).reason,
            "write webpush:P256DH.AUTH@ENDPOINT, or the subscription's JSON behind webpush:");
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(WebPushOutputTest, CutsABodyAndCountsItAndRejectsATemplateThatIsTooLong) {
  start();
  const std::string body(5000, 'x');
  tocsin_notification n{};
  n.body = sdk::to_c(body);
  deliver(n);
  EXPECT_EQ(host.requests.back().body.size(), 4096U);
  EXPECT_EQ(host.metrics.at("cuts_total"), 1.0);
  host.settings.set("body", "{{body}}");
  ASSERT_EQ(host.reconfigure(), "");
  host.adopt();
  const tocsin_token attempt = deliver(n);
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(host.verdicts.at(attempt).reason,
            "the body has 5000 bytes, and a push message holds 3993: cut what is long, as {{body | "
            "cut 500}}");
}

TEST_F(WebPushOutputTest, TellsAnswersApart) {
  start();
  const std::pair<std::uint32_t, std::uint32_t> cases[] = {
      {201, TOCSIN_DELIVERED},    {400, TOCSIN_UNAUTHORIZED}, {401, TOCSIN_UNAUTHORIZED},
      {403, TOCSIN_UNAUTHORIZED}, {404, TOCSIN_TARGET_GONE},  {410, TOCSIN_TARGET_GONE},
      {413, TOCSIN_REJECTED},     {429, TOCSIN_THROTTLED},    {500, TOCSIN_RETRY}};
  for (const auto& [status, kind] : cases) {
    const tocsin_token attempt = deliver();
    host.answer(host.requests.back(), status);
    EXPECT_EQ(kind_of(attempt), kind) << status;
  }
  const tocsin_token lost = deliver();
  host.fail(host.requests.back(), TOCSIN_HTTP_CUT, true);
  EXPECT_EQ(kind_of(lost), std::uint32_t{TOCSIN_AMBIGUOUS});
}

TEST_F(WebPushOutputTest, GivesUpTheRequestOfACancelledAttempt) {
  start();
  host.cancel(deliver());
  EXPECT_TRUE(host.requests.at(0).over);
  host.cancel(4711);
  EXPECT_TRUE(host.verdicts.empty());
}

TEST_F(WebPushOutputTest, SaysThatItReachesBrowsersAlone) {
  start();
  EXPECT_EQ(sdk::view(host.traits().address_kind), "webpush");
  EXPECT_EQ(host.traits().has_own_address, 0U);
  EXPECT_EQ(host.traits().idempotent, 0U);
}

TEST_F(WebPushOutputTest, TellsTheKeyThatPagesSubscribeWithAndNeverItsOwn) {
  start();
  deliver();
  ASSERT_FALSE(host.log.empty());
  EXPECT_EQ(host.log.at(0).text, std::string("browsers subscribe with the key ") + kPublicKey);
  for (const auto& line : host.log) EXPECT_EQ(line.text.find(kPrivateKey), std::string::npos);
}

TEST_F(WebPushOutputTest, RefusesSettingsThatCouldNeverSendAndQuotesNoKey) {
  host.settings.set("private_key", "c2VjcmV0");
  EXPECT_EQ(host.validate(),
            "private_key: is no private key of P-256: base64url of its 32 bytes, or PEM");
  host.settings.set("private_key", kPrivateKey);
  host.settings.set("subject", "ops@example.com");
  EXPECT_EQ(host.validate(),
            "subject: write how push services reach you: mailto:ops@example.com or "
            "https://example.com/");
  host.settings.set("subject", "mailto:ops@example.com");
  host.settings.set("body", "{{topic");
  EXPECT_EQ(host.validate(), "body: a {{ is not closed");
}

}  // namespace
}  // namespace tocsin
