// Each row of the table in classify.h, by the words of the RFCs that servers answer.

#include <gtest/gtest.h>

#include <string>

#include "plugins/output/smtp/classify.h"

namespace tocsin::output_smtp {
namespace {

Reply reply_of(std::string_view text) {
  ReplyReader reader;
  const std::string line = std::string(text) + "\r\n";
  std::string_view bytes = line;
  return reader.read(bytes).value_or(Reply{});
}
std::uint32_t verdict_of(Step step, std::string_view text) {
  return classify(step, reply_of(text)).kind;
}

TEST(SmtpClassify, ATransientReplyIsTriedAgain) {
  for (const Step step : {Step::kMail, Step::kRecipient, Step::kData, Step::kFinalDot}) {
    for (const char* reply : {"450 4.2.0 Mailbox busy", "451 4.3.0 Try again later", "452 Full",
                              "452 4.5.3 Too many recipients", "452 4.2.2 Mailbox full",
                              "454 4.7.0 Temporary failure", "450 4.1.1 Greylisted"}) {
      EXPECT_EQ(verdict_of(step, reply), std::uint32_t{TOCSIN_RETRY}) << reply;
    }
  }
}

TEST(SmtpClassify, APermanentReplyIsFinal) {
  for (const char* reply : {"550 5.7.1 Message refused", "552 5.3.4 Too big", "554 Spam", "550 No",
                            "553 5.7.1 Not yours", "501 5.5.4 Syntax", "550 5.2.1 Disabled"}) {
    EXPECT_EQ(verdict_of(Step::kRecipient, reply), std::uint32_t{TOCSIN_REJECTED}) << reply;
    EXPECT_EQ(verdict_of(Step::kFinalDot, reply), std::uint32_t{TOCSIN_REJECTED}) << reply;
  }
}

TEST(SmtpClassify, ARecipientThatIsNotThereIsGone) {
  for (const char* reply : {"550 5.1.1 No such user", "550 5.1.2 No such domain",
                            "553 5.1.3 Bad syntax", "551 5.1.6 Moved", "556 5.1.10 Null MX"}) {
    EXPECT_EQ(verdict_of(Step::kRecipient, reply), std::uint32_t{TOCSIN_TARGET_GONE}) << reply;
    EXPECT_EQ(verdict_of(Step::kFinalDot, reply), std::uint32_t{TOCSIN_TARGET_GONE}) << reply;
  }
}

TEST(SmtpClassify, ASenderThatIsRefusedTakesNoRecipientWithIt) {
  EXPECT_EQ(verdict_of(Step::kMail, "553 5.1.7 Bad sender"), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(verdict_of(Step::kRecipient, "550 5.1.8 Sender has no MX"),
            std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(verdict_of(Step::kMail, "550 5.1.0 Sender refused"), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(verdict_of(Step::kRecipient, "550 5.1.0 Sender refused, told late"),
            std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(verdict_of(Step::kMail, "550 5.1.1 No such sender"), std::uint32_t{TOCSIN_REJECTED});
}

TEST(SmtpClassify, RefusedCredentialsPauseTheAccount) {
  const std::pair<Step, const char*> cases[] = {{Step::kAuth, "535 5.7.8 Authentication failed"},
                                                {Step::kAuth, "534 5.7.9 Mechanism too weak"},
                                                {Step::kAuth, "504 5.5.4 Unrecognized mechanism"},
                                                {Step::kMail, "530 5.7.0 Authentication required"},
                                                {Step::kRecipient, "530 Authentication required"},
                                                {Step::kMail, "538 5.7.11 Encryption required"}};
  for (const auto& [step, reply] : cases) {
    const sdk::Verdict verdict = classify(step, reply_of(reply));
    EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_UNAUTHORIZED}) << reply;
    EXPECT_EQ(verdict.scope, sdk::Scope::kAccount);
  }
  EXPECT_EQ(verdict_of(Step::kAuth, "454 4.7.0 Temporary authentication failure"),
            std::uint32_t{TOCSIN_RETRY});
}

TEST(SmtpClassify, AServerThatClosesIsTriedAgain) {
  for (const Step step : {Step::kConnect, Step::kAuth, Step::kMail, Step::kFinalDot}) {
    EXPECT_EQ(verdict_of(step, "421 4.3.2 Shutting down"), std::uint32_t{TOCSIN_RETRY});
  }
}

TEST(SmtpClassify, AServerThatTakesNoMailAtAllSaysNothingAboutThisOne) {
  EXPECT_EQ(verdict_of(Step::kConnect, "554 5.7.1 Your address is listed"),
            std::uint32_t{TOCSIN_RETRY});
}

TEST(SmtpClassify, AnAcceptedMailIsDeliveredByTheServersWords) {
  const sdk::Verdict verdict = classify(Step::kFinalDot, reply_of("250 2.0.0 Ok: queued as 4F1C"));
  EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(verdict.provider_id, "Ok: queued as 4F1C");
}

TEST(SmtpClassify, NoAnswerIsAmbiguousOnceTheMailIsOut) {
  EXPECT_EQ(unanswered(Step::kFinalDot, true, "cut").kind, std::uint32_t{TOCSIN_AMBIGUOUS});
  EXPECT_EQ(unanswered(Step::kFinalDot, false, "cut").kind, std::uint32_t{TOCSIN_RETRY});
  EXPECT_EQ(unanswered(Step::kData, true, "cut").kind, std::uint32_t{TOCSIN_RETRY});
  EXPECT_EQ(unanswered(Step::kConnect, true, "cut").kind, std::uint32_t{TOCSIN_RETRY});
}

TEST(SmtpClassify, WhatIsNoReplyIsNoYes) {
  EXPECT_EQ(verdict_of(Step::kFinalDot, "hello"), std::uint32_t{TOCSIN_AMBIGUOUS});
  EXPECT_EQ(verdict_of(Step::kFinalDot, "354 More?"), std::uint32_t{TOCSIN_AMBIGUOUS});
  EXPECT_EQ(verdict_of(Step::kData, "250 Ok"), std::uint32_t{TOCSIN_RETRY});
  EXPECT_EQ(verdict_of(Step::kMail, "hello"), std::uint32_t{TOCSIN_RETRY});
}

TEST(SmtpClassify, TheReasonNamesTheStepAndTheAnswer) {
  EXPECT_EQ(classify(Step::kRecipient, reply_of("550 5.1.1 No such user")).reason,
            "RCPT TO: 550 5.1.1 No such user");
  EXPECT_EQ(unanswered(Step::kFinalDot, true, "no answer in time").reason,
            "the mail: no answer in time; the server may have taken it");
}

// ---- replies

TEST(SmtpReply, IsReadHoweverItIsCut) {
  constexpr std::string_view kText =
      "250-mail.example\r\n250-5.1.1 is a word here\r\n250 2.1.0 Ok\r\n550 5.1.2 No\r\n";
  for (std::size_t cut = 0; cut <= kText.size(); ++cut) {
    ReplyReader reader;
    std::vector<Reply> replies;
    for (std::string_view bytes : {kText.substr(0, cut), kText.substr(cut)}) {
      while (!bytes.empty()) {
        if (auto reply = reader.read(bytes)) replies.push_back(*reply);
      }
    }
    ASSERT_EQ(replies.size(), 2U) << cut;
    EXPECT_EQ(replies[0].code, 250);
    EXPECT_EQ(replies[0].text, "250 mail.example is a word here Ok");
    EXPECT_EQ(replies[1].code, 550);
    EXPECT_EQ(replies[1].subject, 1);
    EXPECT_EQ(replies[1].detail, 2);
  }
}

TEST(SmtpReply, HasAStatusOnlyOfItsOwnClass) {
  EXPECT_EQ(reply_of("550 4.1.1 odd").subject, -1);
  EXPECT_EQ(reply_of("550 5.1 odd").subject, -1);
  EXPECT_EQ(reply_of("550 5.1.1odd").subject, -1);
  EXPECT_EQ(reply_of("550 5.1.1").detail, 1);
  EXPECT_EQ(reply_of("250").code, 250);
  EXPECT_EQ(reply_of("250-").code, 0);
}

TEST(SmtpReply, IsNoneWithoutACodeOrBeyondItsLimits) {
  for (const char* strange : {"HTTP/1.1 400 Bad Request", "25", "2500 x", "150 x", "999 x", ""}) {
    ReplyReader reader;
    const std::string line = std::string(strange) + "\r\n";
    std::string_view bytes = line;
    const auto reply = reader.read(bytes);
    ASSERT_TRUE(reply) << strange;
    EXPECT_EQ(reply->code, 0) << strange;
  }
  ReplyReader reader;
  const std::string endless = "250 " + std::string(5000, 'x');
  std::string_view bytes = endless;
  const auto reply = reader.read(bytes);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->code, 0);
  std::string lines;
  for (std::size_t i = 0; i < ReplyReader::kLinesMax; ++i) lines += "250-x\r\n";
  std::string_view many = lines;
  const auto other = ReplyReader().read(many);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->code, 0);
}

TEST(SmtpReply, CarriesNoControlCharacterIntoALog) {
  EXPECT_EQ(reply_of("550 a\x1b[31m\tb\xC3\xBC").text, "550 a?[31m?b??");
}

}  // namespace
}  // namespace tocsin::output_smtp
