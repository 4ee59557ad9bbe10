#include <gtest/gtest.h>

#include <string>

#include "plugins/output/slack/classify.h"

namespace tocsin::output_slack {
namespace {

std::string no(const std::string& error) { return R"({"ok":false,"error":")" + error + R"("})"; }

// ---- incoming webhooks

TEST(SlackWebhookAnswer, IsDeliveredWith200AndTheBodyOk) {
  EXPECT_EQ(read_webhook_answer(200, "ok").meaning, Meaning::kDelivered);
  EXPECT_EQ(read_webhook_answer(200, "ok\n").meaning, Meaning::kDelivered);
}

TEST(SlackWebhookAnswer, IsNoDeliveryWhenSomebodyElseAnswers200) {
  for (const char* body : {"", "<html>Please log in</html>", "OK", "{\"ok\":true}"}) {
    const Reading reading = read_webhook_answer(200, body);
    EXPECT_EQ(reading.meaning, Meaning::kTransient) << body;
    EXPECT_EQ(reading.reason, "what answered is no Slack: its body is not \"ok\"");
  }
}

TEST(SlackWebhookAnswer, IsFinalForAnInvalidPayload) {
  const Reading reading = read_webhook_answer(400, "invalid_payload");
  EXPECT_EQ(reading.meaning, Meaning::kFinal);
  EXPECT_EQ(reading.reason, "Slack says invalid_payload");
}

TEST(SlackWebhookAnswer, SaysThatTheTargetIsGoneWith403404And410) {
  const std::pair<std::uint32_t, std::string> cases[] = {
      {403, "action_prohibited"}, {404, "channel_not_found"}, {410, "channel_is_archived"}};
  for (const auto& [status, word] : cases) {
    const Reading reading = read_webhook_answer(status, word);
    EXPECT_EQ(reading.meaning, Meaning::kTargetGone) << status;
    EXPECT_EQ(reading.reason, "Slack says " + word);
  }
  EXPECT_EQ(read_webhook_answer(404, "<html>secret page</html>").reason,
            "Slack says no, and gives no name for it");
}

TEST(SlackWebhookAnswer, LeavesTheRestToTheStatus) {
  for (const std::uint32_t status : {400U, 401U, 429U, 500U, 503U}) {
    EXPECT_EQ(read_webhook_answer(status, "<html>").meaning, Meaning::kByStatus) << status;
    EXPECT_EQ(read_webhook_answer(status, "<html>").reason, "") << status;
  }
  EXPECT_EQ(read_webhook_answer(429, "rate_limited").meaning, Meaning::kByStatus);
  EXPECT_EQ(read_webhook_answer(500, "rollup_error").meaning, Meaning::kByStatus);
}

// ---- chat.postMessage

TEST(SlackApiAnswer, IsDeliveredWhenItSaysOkAndKeepsWhereTheMessageIs) {
  const Reading reading =
      read_api_answer(200, R"({"ok":true,"channel":"C061EG9SL","ts":"1503435956.000247"})");
  EXPECT_EQ(reading.meaning, Meaning::kDelivered);
  EXPECT_EQ(reading.channel, "C061EG9SL");
  EXPECT_EQ(reading.ts, "1503435956.000247");
}

TEST(SlackApiAnswer, IsDeliveredEvenWhenItIsMoreThanIsRead) {
  const Reading reading = read_api_answer(200, R"({"ok":true,"channel":"C1","message":{"text":"a)");
  EXPECT_EQ(reading.meaning, Meaning::kDelivered);
  EXPECT_EQ(reading.ts, "");
}

TEST(SlackApiAnswer, IsAFailureWith200AndOkFalse) {
  EXPECT_EQ(read_api_answer(200, R"({"ok":false})").meaning, Meaning::kFinal);
  EXPECT_EQ(read_api_answer(200, R"({"ok":false})").reason,
            "Slack says no, and gives no name for it");
}

TEST(SlackApiAnswer, IsFinalWhenTheMessageOrTheChannelIsWrong) {
  for (const char* error : {"channel_not_found", "not_in_channel", "is_archived", "msg_too_long",
                            "no_text", "invalid_blocks", "an_error_of_next_year"}) {
    const Reading reading = read_api_answer(200, no(error));
    EXPECT_EQ(reading.meaning, Meaning::kFinal) << error;
    EXPECT_EQ(reading.reason, "Slack says " + std::string(error));
  }
}

TEST(SlackApiAnswer, IsUnauthorizedWhenTheTokenIs) {
  for (const char* error : {"invalid_auth", "account_inactive", "token_revoked", "token_expired",
                            "not_authed", "missing_scope"}) {
    EXPECT_EQ(read_api_answer(200, no(error)).meaning, Meaning::kUnauthorized) << error;
  }
  EXPECT_EQ(read_api_answer(401, no("invalid_auth")).meaning, Meaning::kUnauthorized);
}

TEST(SlackApiAnswer, IsTransientWhenSlackItselfFails) {
  for (const char* error : {"internal_error", "fatal_error", "service_unavailable"}) {
    EXPECT_EQ(read_api_answer(200, no(error)).meaning, Meaning::kTransient) << error;
  }
}

TEST(SlackApiAnswer, IsThrottledWhenItSaysRatelimited) {
  EXPECT_EQ(read_api_answer(200, no("ratelimited")).meaning, Meaning::kThrottled);
  EXPECT_EQ(read_api_answer(429, no("ratelimited")).meaning, Meaning::kByStatus);
}

TEST(SlackApiAnswer, SaysWhenTheEarlierMessageIsNotThereAnyMore) {
  for (const char* error :
       {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"}) {
    EXPECT_EQ(read_api_answer(200, no(error)).meaning, Meaning::kMessageLost) << error;
  }
}

TEST(SlackApiAnswer, TellsWhichBlockIsWrong) {
  const Reading reading = read_api_answer(
      200, R"({"ok":false,"error":"invalid_blocks","response_metadata":{"messages":)"
           R"(["[ERROR] unsupported type: sectoin [json-pointer:/blocks/0/type]"]}})");
  EXPECT_EQ(reading.reason,
            "Slack says invalid_blocks: [ERROR] unsupported type: sectoin "
            "[json-pointer:/blocks/0/type]");
}

TEST(SlackApiAnswer, IsNoSlackWithoutAnOk) {
  for (const char* body : {"", "ok", "{}", "[true]", R"({"ok":"yes"})", "{\"ok\":fal"}) {
    EXPECT_EQ(read_api_answer(200, body).meaning, Meaning::kTransient) << body;
    EXPECT_EQ(read_api_answer(403, body).meaning, Meaning::kByStatus) << body;
  }
  EXPECT_EQ(read_api_answer(503, R"({"ok":true})").meaning, Meaning::kByStatus);
}

}  // namespace
}  // namespace tocsin::output_slack
