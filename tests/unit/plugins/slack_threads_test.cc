// Messages of one `key`: in the thread of the first one, or in its place.

#include <gtest/gtest.h>

#include "plugins/output/slack/earlier.h"
#include "plugins/output/slack/turns.h"
#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/sdk/json.hpp"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using testing::FakeHost;

class SlackThreadsTest : public ::testing::Test {
 protected:
  void start(const std::string& option) {
    host.settings.set("token", "xoxb-s3cret");
    host.settings.set("channel", "#ops");
    host.settings.set("api_url", "https://slack.example/api");
    host.settings.set(option, "key");
    ASSERT_EQ(host.start(), "");
  }
  tocsin_token deliver(const std::string& key, const std::string& address = {}) {
    tocsin_notification notification{};
    notification.title = sdk::to_c("Disk");
    notification.key = sdk::to_c(key);
    const tocsin_token attempt = host.deliver("{}", address, notification);
    host.run();
    return attempt;
  }
  void post_first(const std::string& key) {
    deliver(key);
    answer(R"({"ok":true,"channel":"C1","ts":"1.1"})");
  }
  void answer(const std::string& body) {
    host.answer(host.requests.back(), 200, body);
    host.run();
  }
  std::string sent(std::string_view pointer) {
    const auto body = sdk::JsonReply::read(host.requests.back().body);
    return std::string(body->text(pointer).value_or("none"));
  }
  std::uint32_t kind(tocsin_token attempt) { return host.verdicts.at(attempt).kind; }

  FakeHost host{shipped("output_slack")};
};

TEST_F(SlackThreadsTest, AnswerTheFirstMessageOfTheirKey) {
  start("thread");
  post_first("db-1");
  EXPECT_EQ(host.requests.size(), 1U);
  EXPECT_EQ(sent("/thread_ts"), "none");
  const tocsin_token second = deliver("db-1");
  EXPECT_EQ(host.requests.back().url, "https://slack.example/api/chat.postMessage");
  EXPECT_EQ(sent("/channel"), "C1") << "the channel's id, not its name";
  EXPECT_EQ(sent("/thread_ts"), "1.1");
  answer(R"({"ok":true,"channel":"C1","ts":"1.2"})");
  EXPECT_EQ(kind(second), std::uint32_t{TOCSIN_DELIVERED});
  deliver("db-1");
  EXPECT_EQ(sent("/thread_ts"), "1.1") << "not the second's";
}

TEST_F(SlackThreadsTest, TakeThePlaceOfTheFirstMessageOfTheirKey) {
  start("update");
  post_first("db-1");
  const tocsin_token second = deliver("db-1");
  EXPECT_EQ(host.requests.back().url, "https://slack.example/api/chat.update");
  EXPECT_EQ(sent("/channel"), "C1");
  EXPECT_EQ(sent("/ts"), "1.1");
  EXPECT_NE(host.requests.back().flags & TOCSIN_HTTP_IDEMPOTENT, 0U);
  host.fail(host.requests.back(), TOCSIN_HTTP_TIMEOUT, true);
  EXPECT_EQ(kind(second), std::uint32_t{TOCSIN_RETRY}) << "twice in the same place does no harm";
}

TEST_F(SlackThreadsTest, HaveNothingToDoWithOtherKeysChannelsOrWithoutAKey) {
  start("thread");
  post_first("db-1");
  for (const auto& [key, address] :
       {std::pair("db-2", ""), std::pair("", ""), std::pair("db-1", "slack:C9")}) {
    deliver(key, address);
    EXPECT_EQ(sent("/thread_ts"), "none") << key << address;
  }
}

TEST_F(SlackThreadsTest, WaitUntilTheFirstMessageIsThere) {
  start("thread");
  deliver("db-1");
  const tocsin_token second = deliver("db-1");
  const tocsin_token third = deliver("db-1");
  EXPECT_EQ(host.requests.size(), 1U);
  answer(R"({"ok":true,"channel":"C1","ts":"1.1"})");
  ASSERT_EQ(host.requests.size(), 2U);
  EXPECT_EQ(sent("/thread_ts"), "1.1");
  host.cancel(second);
  host.run();
  ASSERT_EQ(host.requests.size(), 3U) << "the next one's turn";
  answer(R"({"ok":true,"channel":"C1","ts":"1.3"})");
  EXPECT_EQ(kind(third), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(host.late, 0U);
}

TEST_F(SlackThreadsTest, AreTriedAgainWhenTheirTurnDoesNotComeInTime) {
  start("thread");
  const tocsin_token first = deliver("db-1");
  const tocsin_token second = deliver("db-1");
  host.advance(std::chrono::seconds(29));
  EXPECT_FALSE(host.verdicts.contains(second));
  host.advance(std::chrono::milliseconds(900));
  EXPECT_EQ(kind(second), std::uint32_t{TOCSIN_RETRY}) << "it certainly was not posted";
  EXPECT_FALSE(host.verdicts.contains(first)) << "which may have been";
  EXPECT_EQ(host.requests.size(), 1U);
}

TEST_F(SlackThreadsTest, BeginAnewWhenTheFirstMessageFailed) {
  start("thread");
  const tocsin_token first = deliver("db-1");
  deliver("db-1");
  answer(R"({"ok":false,"error":"fatal_error"})");
  EXPECT_EQ(kind(first), std::uint32_t{TOCSIN_RETRY});
  ASSERT_EQ(host.requests.size(), 2U);
  EXPECT_EQ(sent("/thread_ts"), "none");
}

TEST_F(SlackThreadsTest, BeginAnewWhenSomebodyDeletedTheFirstMessage) {
  start("update");
  post_first("db-1");
  const tocsin_token second = deliver("db-1");
  answer(R"({"ok":false,"error":"message_not_found"})");
  EXPECT_EQ(host.requests.back().url, "https://slack.example/api/chat.postMessage");
  EXPECT_EQ(sent("/channel"), "#ops");
  answer(R"({"ok":true,"channel":"C1","ts":"2.1"})");
  EXPECT_EQ(kind(second), std::uint32_t{TOCSIN_DELIVERED});
  deliver("db-1");
  EXPECT_EQ(sent("/ts"), "2.1");
}

TEST_F(SlackThreadsTest, BeginAnewOnceTheFirstMessageIsForgotten) {
  host.settings.set("remember", "1h");
  start("thread");
  post_first("db-1");
  host.advance(std::chrono::minutes(59));
  deliver("db-1");
  EXPECT_EQ(sent("/thread_ts"), "1.1");
  answer(R"({"ok":true,"channel":"C1","ts":"1.2"})");
  host.advance(std::chrono::minutes(2));
  deliver("db-1");
  EXPECT_EQ(sent("/thread_ts"), "none");
}

TEST_F(SlackThreadsTest, AreTriedAgainWhileTheStoreCannotSayWhichWasTheFirst) {
  start("thread");
  host.store_down = true;
  EXPECT_EQ(kind(deliver("db-1")), std::uint32_t{TOCSIN_RETRY});
  host.store_down = false;
  host.store_refusal = TOCSIN_FULL;
  EXPECT_EQ(kind(deliver("db-1")), std::uint32_t{TOCSIN_RETRY});
  EXPECT_TRUE(host.requests.empty());
  host.store_refusal = TOCSIN_OK;
  deliver("db-1");
  EXPECT_EQ(host.requests.size(), 1U) << "nobody is left to wait for";
}

TEST_F(SlackThreadsTest, AreDeliveredEvenWhenTheFirstMessageCannotBeKept) {
  start("thread");
  const tocsin_token first = deliver("db-1");
  host.store_refusal = TOCSIN_FULL;
  answer(R"({"ok":true,"channel":"C1","ts":"1.1"})");
  EXPECT_EQ(kind(first), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(host.log.back().text, "the first message of a key could not be kept");
  host.store_refusal = TOCSIN_OK;
  deliver("db-1");
  EXPECT_EQ(sent("/thread_ts"), "none");
}

TEST_F(SlackThreadsTest, NeedABotAndOneOfTheTwo) {
  host.settings.set("webhook_url", "https://hooks.slack.example/s3cret");
  host.settings.set("thread", "key");
  EXPECT_EQ(host.validate(), "thread: a webhook does not tell which message it made");
  FakeHost bot{shipped("output_slack")};
  bot.settings.set("token", "t");
  bot.settings.set("thread", "key");
  bot.settings.set("update", "key");
  EXPECT_EQ(bot.validate(), "thread: a message that is replaced has no thread");
}

}  // namespace

namespace output_slack {
namespace {

TEST(SlackTurns, AreTakenInOrderAndMayBeGivenUp) {
  Turns turns;
  EXPECT_TRUE(turns.take("a", 1));
  EXPECT_FALSE(turns.take("a", 2));
  EXPECT_FALSE(turns.take("a", 3));
  EXPECT_TRUE(turns.take("b", 4));
  EXPECT_EQ(turns.pass("a", 2), 0U) << "who waited leaves";
  EXPECT_EQ(turns.pass("a", 1), 3U);
  EXPECT_EQ(turns.pass("a", 3), 0U);
  EXPECT_TRUE(turns.take("a", 5));
  EXPECT_EQ(turns.pass("c", 6), 0U);
}

TEST(SlackEarlier, IsReadAsItWasKept) {
  const auto read = earlier_in(record_of({"C1", "1503435956.000247"}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->channel, "C1");
  EXPECT_EQ(read->ts, "1503435956.000247");
  for (const char* broken : {"", " ", "C1", "C1 ", " 1.1"}) EXPECT_FALSE(earlier_in(broken));
}

TEST(SlackEarlier, HasANameThatFitsWhateverItsKey) {
  const std::string name = record_key(Follow::kThread, "C1", std::string(256, 'k'));
  EXPECT_EQ(name.size(), 71U);
  EXPECT_NE(name, record_key(Follow::kUpdate, "C1", std::string(256, 'k')));
  EXPECT_NE(record_key(Follow::kThread, "C1", "2"), record_key(Follow::kThread, "C12", ""));
}

}  // namespace
}  // namespace output_slack
}  // namespace tocsin
