#include <gtest/gtest.h>

#include <string>

#include "plugins/output/smtp/dialogue.h"

namespace tocsin::output_smtp {
namespace {

class SmtpDialogueTest : public ::testing::Test {
 protected:
  void begin(Dialogue& dialogue, const std::string& message = "Subject: x\r\n\r\nhello\r\n") {
    dialogue.begin("a@example.com", "b@example.net", message);
  }
  static std::string sent(Dialogue& dialogue) { return dialogue.take_out(); }
  // The verdict's kind, or 99 when there is none.
  static std::uint32_t verdict(Dialogue& dialogue) {
    const auto verdict = dialogue.take_verdict();
    return verdict ? verdict->kind : 99;
  }

  static constexpr std::uint32_t kNone = 99;
  Dialogue plain{Abilities{}};
  Dialogue pipelined{Abilities{.pipelining = true, .size = true}};
};

TEST_F(SmtpDialogueTest, GoesStepByStepWithoutPipelining) {
  begin(plain);
  EXPECT_EQ(sent(plain), "MAIL FROM:<a@example.com>\r\n");
  plain.hear("250 Ok\r\n");
  EXPECT_EQ(sent(plain), "RCPT TO:<b@example.net>\r\n");
  plain.hear("250 Ok\r\n");
  EXPECT_EQ(sent(plain), "DATA\r\n");
  plain.hear("354 Go on\r\n");
  EXPECT_EQ(sent(plain), "Subject: x\r\n\r\nhello\r\n.\r\n");
  EXPECT_EQ(verdict(plain), kNone);
  plain.hear("250 2.0.0 queued\r\n");
  EXPECT_EQ(verdict(plain), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_TRUE(plain.ready());
}

TEST_F(SmtpDialogueTest, SendsTheThreeCommandsAtOnceWithPipelining) {
  begin(pipelined);
  EXPECT_EQ(sent(pipelined),
            "MAIL FROM:<a@example.com> SIZE=21\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
  pipelined.hear("250 Ok\r\n250 Ok\r\n354 Go on\r\n");
  EXPECT_EQ(sent(pipelined), "Subject: x\r\n\r\nhello\r\n.\r\n");
  pipelined.hear("250 Ok\r\n");
  EXPECT_EQ(verdict(pipelined), std::uint32_t{TOCSIN_DELIVERED});
}

TEST_F(SmtpDialogueTest, ResetsAfterARefusalAndGoesOnWithTheNextMail) {
  begin(plain);
  sent(plain);
  plain.hear("250 Ok\r\n");
  sent(plain);
  plain.hear("550 5.1.1 Nobody\r\n");
  EXPECT_EQ(verdict(plain), std::uint32_t{TOCSIN_TARGET_GONE});
  EXPECT_EQ(sent(plain), "RSET\r\n");
  EXPECT_FALSE(plain.ready());
  plain.hear("250 Ok\r\n");
  ASSERT_TRUE(plain.ready());
  begin(plain);
  EXPECT_EQ(sent(plain), "MAIL FROM:<a@example.com>\r\n");
}

TEST_F(SmtpDialogueTest, HearsAllThatWasAskedBeforeItResets) {
  begin(pipelined);
  sent(pipelined);
  pipelined.hear("250 Ok\r\n550 5.1.1 Nobody\r\n");
  EXPECT_EQ(verdict(pipelined), std::uint32_t{TOCSIN_TARGET_GONE});
  EXPECT_EQ(sent(pipelined), "");
  pipelined.hear("554 5.5.1 No valid recipients\r\n");
  EXPECT_EQ(verdict(pipelined), kNone) << "one verdict, the first";
  EXPECT_EQ(sent(pipelined), "RSET\r\n");
  pipelined.hear("250 Ok\r\n");
  EXPECT_TRUE(pipelined.ready());
}

TEST_F(SmtpDialogueTest, SendsNothingOfAMailThatHasNoRecipient) {
  begin(pipelined);
  sent(pipelined);
  pipelined.hear("250 Ok\r\n550 Nobody\r\n354 Go on all the same\r\n");
  EXPECT_EQ(verdict(pipelined), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(sent(pipelined), ".\r\n");
  pipelined.hear("250 Taken for nobody\r\n");
  EXPECT_EQ(verdict(pipelined), kNone);
  EXPECT_TRUE(pipelined.ready());
}

TEST_F(SmtpDialogueTest, DoublesDotsThatBeginALine) {
  begin(plain, ".a\r\n.\r\n..\r\nb.\r\n");
  plain.hear("250 Ok\r\n");
  plain.hear("250 Ok\r\n");
  sent(plain);
  plain.hear("354 Go on\r\n");
  EXPECT_EQ(sent(plain), "..a\r\n..\r\n...\r\nb.\r\n.\r\n");
}

TEST_F(SmtpDialogueTest, EndsWithAServerThatCloses) {
  begin(plain);
  plain.hear("421 4.3.2 Too many mails\r\n");
  EXPECT_EQ(plain.state(), Dialogue::State::kOver);
  EXPECT_TRUE(plain.unheard());
  EXPECT_EQ(verdict(plain), std::uint32_t{TOCSIN_RETRY});
  Dialogue later{Abilities{}};
  begin(later);
  later.hear("250 Ok\r\n");
  later.hear("421 Bye\r\n");
  EXPECT_FALSE(later.unheard());
  EXPECT_EQ(verdict(later), std::uint32_t{TOCSIN_RETRY});
}

TEST_F(SmtpDialogueTest, EndsWithAServerThatSpeaksUnasked) {
  plain.hear("421 Idle for too long\r\n");
  EXPECT_EQ(plain.state(), Dialogue::State::kOver);
  Dialogue strange{Abilities{}};
  begin(strange);
  strange.hear("HTTP/1.1 400 Bad Request\r\n");
  EXPECT_EQ(strange.state(), Dialogue::State::kOver);
  EXPECT_EQ(verdict(strange), std::uint32_t{TOCSIN_RETRY});
}

TEST_F(SmtpDialogueTest, KnowsWhetherAnUnansweredMailMayHaveArrived) {
  begin(plain);
  EXPECT_EQ(plain.give_up("cut", true).kind, std::uint32_t{TOCSIN_RETRY});
  plain.hear("250 Ok\r\n");
  plain.hear("250 Ok\r\n");
  EXPECT_EQ(plain.give_up("cut", true).kind, std::uint32_t{TOCSIN_RETRY});
  plain.hear("354 Go on\r\n");
  EXPECT_EQ(plain.give_up("cut", false).kind, std::uint32_t{TOCSIN_RETRY});
  EXPECT_EQ(plain.give_up("cut", true).kind, std::uint32_t{TOCSIN_AMBIGUOUS});
}

TEST_F(SmtpDialogueTest, RefusesAMailThatIsTooLargeWithoutAsking) {
  Dialogue small{Abilities{.size = true, .size_max = 20}};
  begin(small);
  EXPECT_EQ(sent(small), "");
  EXPECT_EQ(verdict(small), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_TRUE(small.ready());
}

TEST(SmtpAbilities, AreReadFromTheLinesOfEhlo) {
  Abilities abilities;
  for (const char* line : {"250-mail.example\r\n", "250-PIPELINING\r\n", "250-size 33554432\r\n",
                           "250-AUTH PLAIN LOGIN\r\n", "250 HELP\r\n"}) {
    abilities.read(line);
  }
  EXPECT_TRUE(abilities.pipelining);
  EXPECT_TRUE(abilities.auth);
  EXPECT_EQ(abilities.size_max, 33554432U);
  Abilities none;
  none.read("250 SIZE\r\n");
  none.read("250-PIPELININGS\r\n");
  none.read("250");
  EXPECT_TRUE(none.size);
  EXPECT_EQ(none.size_max, 0U);
  EXPECT_FALSE(none.pipelining);
}

}  // namespace
}  // namespace tocsin::output_smtp
