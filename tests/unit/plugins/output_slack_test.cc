#include <gtest/gtest.h>

#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/sdk/json.hpp"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using sdk::JsonReply;
using testing::FakeHost;

constexpr const char* kWebhook = "https://hooks.slack.example/services/T0/B0/s3cret";
constexpr const char* kToken = "xoxb-s3cret";
constexpr const char* kPosted = R"({"ok":true,"channel":"C1","ts":"1503435956.000247"})";

class SlackOutputTest : public ::testing::Test {
 protected:
  void start_webhook() {
    host.settings.set("webhook_url", kWebhook);
    ASSERT_EQ(host.start(), "");
  }
  void start_bot() {
    host.settings.set("token", kToken);
    host.settings.set("channel", "C1");
    host.settings.set("api_url", "https://slack.example/api/");
    ASSERT_EQ(host.start(), "");
  }
  tocsin_token deliver(const std::string& address = {}) {
    tocsin_notification notification{};
    notification.topic = sdk::to_c("disk.full");
    notification.title = sdk::to_c("Disk <full>");
    notification.body = sdk::to_c("94 %");
    return host.deliver("{}", address, notification);
  }
  FakeHost::SentRequest& request() { return host.requests.back(); }
  std::string sent(std::string_view pointer) {
    const auto body = JsonReply::read(request().body);
    return body ? std::string(body->text(pointer).value_or("none")) : "no JSON";
  }
  std::string header(std::string_view name) {
    for (const auto& [key, value] : request().headers) {
      if (key == name) return value;
    }
    return "none";
  }
  const sdk::Verdict& verdict(tocsin_token attempt) { return host.verdicts.at(attempt); }

  FakeHost host{shipped("output_slack")};
};

// ---- what it sends

TEST_F(SlackOutputTest, PostsToAWebhook) {
  start_webhook();
  deliver();
  EXPECT_EQ(request().method, "POST");
  EXPECT_EQ(request().url, kWebhook);
  EXPECT_EQ(header("Content-Type"), "application/json; charset=utf-8");
  EXPECT_EQ(header("Authorization"), "none");
  EXPECT_EQ(request().body, R"({"text":"*Disk &lt;full&gt;*\n94 %"})");
}

TEST_F(SlackOutputTest, PostsAsABotToItsChannelOrToTheOneThatIsAddressed) {
  start_bot();
  deliver();
  EXPECT_EQ(request().url, "https://slack.example/api/chat.postMessage");
  EXPECT_EQ(header("Authorization"), "Bearer xoxb-s3cret");
  EXPECT_EQ(sent("/channel"), "C1");
  deliver("slack:C2");
  EXPECT_EQ(sent("/channel"), "C2");
}

TEST_F(SlackOutputTest, RejectsAnAddressThatIsNoChannel) {
  start_bot();
  EXPECT_EQ(verdict(deliver("slack:C 2")).reason,
            "a channel is an id such as C0123456789, or #name");
  EXPECT_EQ(verdict(deliver("slack:" + std::string(81, 'C'))).reason,
            "a channel has 1 to 80 bytes");
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(SlackOutputTest, AlwaysSendsATextBesideTheBlocks) {
  host.settings.set("text", "{{title}}!");
  host.settings.set("blocks",
                    R"([{"type":"section","text":{"type":"mrkdwn","text":"{{title}}"}}])");
  start_bot();
  deliver();
  EXPECT_EQ(sent("/text"), "Disk <full>!") << "the fake host escapes nothing";
  EXPECT_EQ(sent("/blocks/0/text/text"), "Disk &lt;full&gt;");
}

TEST_F(SlackOutputTest, CutsAndCountsWhatIsTooLong) {
  host.settings.set("text", std::string(40'001, 'x'));
  host.settings.set("blocks", R"([{"type":"section","text":{"type":"mrkdwn","text":")" +
                                  std::string(3'001, 'x') + R"("}}])");
  start_bot();
  deliver();
  EXPECT_EQ(sent("/text").size(), 39'999U + 3);
  EXPECT_EQ(sent("/blocks/0/text/text").size(), 2'999U + 3);
  EXPECT_EQ(host.metrics.at("limit_cuts_total"), 2);
}

TEST_F(SlackOutputTest, RejectsBlocksThatAreNoJson) {
  host.settings.set("blocks", "[{{title}}]");
  start_webhook();
  EXPECT_EQ(verdict(deliver()).kind, std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(host.verdicts.begin()->second.reason, "the blocks are no JSON array");
}

// ---- what comes back

TEST_F(SlackOutputTest, TakesAWebhooksAnswersAsSlackMeansThem) {
  start_webhook();
  const std::tuple<std::uint32_t, const char*, std::uint32_t> cases[] = {
      {200, "ok", TOCSIN_DELIVERED},
      {200, "<html>", TOCSIN_RETRY},
      {400, "invalid_payload", TOCSIN_REJECTED},
      {403, "action_prohibited", TOCSIN_TARGET_GONE},
      {404, "channel_not_found", TOCSIN_TARGET_GONE},
      {410, "channel_is_archived", TOCSIN_TARGET_GONE},
      {429, "rate_limited", TOCSIN_THROTTLED},
      {500, "rollup_error", TOCSIN_RETRY}};
  for (const auto& [status, body, kind] : cases) {
    const tocsin_token attempt = deliver();
    host.answer(request(), status, body);
    EXPECT_EQ(verdict(attempt).kind, kind) << status << " " << body;
  }
}

TEST_F(SlackOutputTest, TakesTheApisAnswersAsSlackMeansThem) {
  start_bot();
  const std::pair<const char*, std::uint32_t> cases[] = {{"channel_not_found", TOCSIN_REJECTED},
                                                         {"invalid_auth", TOCSIN_UNAUTHORIZED},
                                                         {"fatal_error", TOCSIN_RETRY},
                                                         {"ratelimited", TOCSIN_THROTTLED},
                                                         {"message_not_found", TOCSIN_REJECTED}};
  for (const auto& [error, kind] : cases) {
    const tocsin_token attempt = deliver();
    host.answer(request(), 200, std::string(R"({"ok":false,"error":")") + error + "\"}");
    EXPECT_EQ(verdict(attempt).kind, kind) << error;
  }
}

TEST_F(SlackOutputTest, KeepsWhereABotsMessageIs) {
  start_bot();
  const tocsin_token attempt = deliver();
  host.answer(request(), 200, kPosted);
  EXPECT_EQ(verdict(attempt).kind, std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(verdict(attempt).provider_id, "C1:1503435956.000247");
}

TEST_F(SlackOutputTest, BlamesTheAccountForAToken) {
  start_bot();
  const tocsin_token attempt = deliver();
  host.answer(request(), 200, R"({"ok":false,"error":"token_revoked"})");
  EXPECT_EQ(verdict(attempt).scope, sdk::Scope::kAccount);
  EXPECT_EQ(verdict(attempt).reason, "Slack says token_revoked");
}

TEST_F(SlackOutputTest, WaitsAsLongAsRetryAfterSaysWhateverTheStatus) {
  start_bot();
  for (const std::uint32_t status : {429U, 200U}) {
    const tocsin_token attempt = deliver();
    host.answer(request(), status, R"({"ok":false,"error":"ratelimited"})",
                {{"Retry-After", "30"}});
    EXPECT_EQ(verdict(attempt).kind, std::uint32_t{TOCSIN_THROTTLED}) << status;
    EXPECT_EQ(verdict(attempt).after, std::chrono::seconds(30)) << status;
    EXPECT_EQ(verdict(attempt).scope, sdk::Scope::kOutput) << status;
  }
}

TEST_F(SlackOutputTest, DoesNotKnowWhetherAPostWithoutAnswerArrived) {
  start_bot();
  const tocsin_token attempt = deliver();
  host.fail(request(), TOCSIN_HTTP_TIMEOUT, true);
  EXPECT_EQ(verdict(attempt).kind, std::uint32_t{TOCSIN_AMBIGUOUS});
  const tocsin_token unsent = deliver();
  host.fail(request(), TOCSIN_HTTP_NO_CONNECTION, false);
  EXPECT_EQ(verdict(unsent).kind, std::uint32_t{TOCSIN_RETRY});
}

TEST_F(SlackOutputTest, GivesUpTheRequestOfACancelledAttempt) {
  start_bot();
  const tocsin_token attempt = deliver();
  host.cancel(attempt);
  EXPECT_TRUE(request().over);
  const tocsin_token next = deliver();
  host.answer(request(), 200, kPosted);
  EXPECT_EQ(verdict(next).kind, std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(host.late, 0U);
}

// ---- what it says of itself

TEST_F(SlackOutputTest, HasTheAddressOfItsWebhook) {
  start_webhook();
  EXPECT_EQ(sdk::view(host.traits().address_kind), "");
  EXPECT_EQ(host.traits().has_own_address, 1U);
  EXPECT_EQ(host.traits().idempotent, 0U);
  EXPECT_EQ(sdk::view(host.traits().account), "");
}

TEST_F(SlackOutputTest, TakesChannelsAsABotAndIsPacedWithItsToken) {
  start_bot();
  EXPECT_EQ(sdk::view(host.traits().address_kind), "slack");
  EXPECT_EQ(host.traits().has_own_address, 1U);
  const std::string account(sdk::view(host.traits().account));
  EXPECT_EQ(account.size(), 22U);
  EXPECT_EQ(account.find("s3cret"), account.npos);
}

TEST_F(SlackOutputTest, NeedsAddressesWithoutAChannel) {
  host.settings.set("token", kToken);
  ASSERT_EQ(host.start(), "");
  EXPECT_EQ(host.traits().has_own_address, 0U);
}

TEST_F(SlackOutputTest, TakesAnotherTextWithoutBeingMadeAnew) {
  host.settings.set("text", "old");
  start_webhook();
  host.settings.set("text", "{{nonsense}}");
  EXPECT_NE(host.reconfigure(), "");
  host.settings.set("text", "new");
  ASSERT_EQ(host.reconfigure(), "");
  host.adopt();
  deliver();
  EXPECT_EQ(sent("/text"), "new");
}

// ---- what can never work

TEST_F(SlackOutputTest, RefusesWhatCannotBeSentAndShowsNoSecret) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"webhook_url", "hooks.slack.example/s3cret",
       "webhook_url: a URL begins with https:// or http://"},
      {"webhook_url", "https://hooks.slack.example/s3cret\n",
       "webhook_url: the URL holds bytes that must be percent-encoded"},
      {"webhook_url", "https:///s3cret", "webhook_url: the URL names no host"},
      {"webhook_url", "https://a@b/s3cret",
       "webhook_url: a URL must not carry a user name or password"},
      {"token", "xoxb\r\nX: y", "token: a token is of visible ASCII"}};
  for (const auto& [key, value, why] : cases) {
    FakeHost other{shipped("output_slack")};
    other.settings.set(key, value);
    EXPECT_EQ(other.validate(), why);
  }
  host.settings.set("webhook_url", kWebhook);
  host.settings.set("channel", "C1");
  EXPECT_EQ(host.validate(), "channel: a webhook belongs to one channel");
}

}  // namespace
}  // namespace tocsin
