#include <gtest/gtest.h>

#include <string>

#include "plugins/output/smtp/encoding.h"
#include "plugins/output/smtp/message.h"

namespace tocsin::output_smtp {
namespace {

class SmtpMessageTest : public ::testing::Test {
 protected:
  SmtpMessageTest() {
    std::string why;
    EXPECT_TRUE(from.read("Night Watch <alerts@example.com>", why));
    EXPECT_TRUE(to.read("ops@example.net", why));
    letter.id = "dlv_7";
    letter.date = 1767225600;
    letter.from = &from;
    letter.to = &to;
    letter.subject = "Disk full";
    letter.text = "The disk of db-1 is full.\n";
  }

  // What must hold of every message, whatever is in it.
  static void expect_sound(const std::string& message) {
    EXPECT_TRUE(message.ends_with("\r\n"));
    std::size_t line = 0;
    for (std::size_t i = 0; i < message.size(); ++i) {
      const auto byte = static_cast<unsigned char>(message[i]);
      ASSERT_LT(byte, 0x7f) << "at " << i;
      if (message[i] == '\n') {
        ASSERT_GT(i, 0U);
        ASSERT_EQ(message[i - 1], '\r') << "at " << i;
        EXPECT_LE(i - 1 - line, 78U) << message.substr(line, i - line);
        line = i + 1;
      } else if (message[i] == '\r') {
        ASSERT_EQ(message[i + 1], '\n') << "at " << i;
      } else {
        ASSERT_TRUE(byte >= 0x20 || byte == '\t') << "at " << i;
      }
    }
  }
  std::string written() {
    const std::string message = write_message(letter);
    expect_sound(message);
    return message;
  }
  // The field with its continuation lines, without the last CRLF.
  std::string field(const std::string& name) {
    const std::string message = "\r\n" + written();
    const std::string header = message.substr(0, message.find("\r\n\r\n") + 2);
    const std::size_t at = header.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "none";
    std::size_t end = header.find("\r\n", at + 2);
    while (header[end + 2] == ' ') end = header.find("\r\n", end + 2);
    return header.substr(at + 4 + name.size(), end - at - 4 - name.size());
  }
  std::size_t count(const std::string& name) {
    const std::string message = "\r\n" + written();
    const std::string header = message.substr(0, message.find("\r\n\r\n") + 2);
    std::size_t found = 0;
    for (std::size_t at = 0; (at = header.find("\r\n" + name + ":", at)) != header.npos; ++at) {
      ++found;
    }
    return found;
  }

  Mailbox from;
  Address to;
  Letter letter;
};

TEST_F(SmtpMessageTest, IsTheWholeMailWithItsHeaders) {
  EXPECT_EQ(written(),
            "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
            "From: \"Night Watch\" <alerts@example.com>\r\n"
            "To: ops@example.net\r\n"
            "Subject: Disk full\r\n"
            "Message-ID: <dlv_7@example.com>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "The disk of db-1 is full.\r\n");
}

TEST_F(SmtpMessageTest, HasTextAndHtmlAsAlternatives) {
  letter.html = "<p>full</p>";
  const std::string message = written();
  const std::string expected =
      "Content-Type: multipart/alternative; boundary=\"=_dlv_7_a\"\r\n"
      "\r\n"
      "--=_dlv_7_a\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n"
      "\r\n"
      "The disk of db-1 is full.\r\n"
      "--=_dlv_7_a\r\n"
      "Content-Type: text/html; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n"
      "\r\n"
      "<p>full</p>\r\n"
      "--=_dlv_7_a--\r\n";
  EXPECT_EQ(message.substr(message.find("Content-Type")), expected);
}

TEST_F(SmtpMessageTest, AttachesFilesBehindTheTexts) {
  const std::vector<Attachment> attachments = {
      {"plan.pdf", "application/pdf", "%PDF"},
      {"R\xC3\xA9sum\xC3\xA9 \"1\".txt", "text/plain", std::string(100, 'x')}};
  letter.attachments = &attachments;
  const std::string message = written();
  EXPECT_NE(message.find("multipart/mixed; boundary=\"=_dlv_7_m\"\r\n\r\n--=_dlv_7_m\r\n"),
            message.npos);
  EXPECT_NE(message.find("--=_dlv_7_m\r\nContent-Type: application/pdf\r\n"
                         "Content-Transfer-Encoding: base64\r\n"
                         "Content-Disposition: attachment;\r\n filename=\"plan.pdf\"\r\n\r\n"
                         "JVBERg==\r\n"),
            message.npos);
  EXPECT_NE(message.find("filename*0*=UTF-8''R%C3%A9sum%C3%A9%20%221%22.txt\r\n"), message.npos);
  EXPECT_TRUE(message.ends_with("--=_dlv_7_m--\r\n"));
}

// ---- what stands in a value stays in it

TEST_F(SmtpMessageTest, LetsNoSubjectBeginAnotherHeader) {
  for (const char* evil : {"x\r\nBcc: victim@example.org", "x\nBcc: victim@example.org",
                           "x\rBcc: victim@example.org", "x\r\n\r\nBcc: body"}) {
    letter.subject = evil;
    EXPECT_EQ(count("Bcc"), 0U) << evil;
    EXPECT_EQ(field("Subject").substr(0, 6), "x Bcc:");
  }
  letter.subject = "x\xC2\x85y\xE2\x80\xA8z\xC3\xBC\r\n\r\nBcc: a";  // NEL, LINE SEPARATOR
  EXPECT_EQ(field("Subject"), "=?UTF-8?B?eCB5IHrDvCBCY2M6IGE=?=");
}

TEST_F(SmtpMessageTest, LetsNoNameNorAttachmentBeginAnotherHeader) {
  from.name = "x\r\nBcc: victim@example.org";
  EXPECT_EQ(count("Bcc"), 0U);
  const std::vector<std::pair<std::string, std::string>> headers = {{"X-Team", "a\r\nBcc: b"}};
  letter.headers = &headers;
  EXPECT_EQ(count("Bcc"), 0U);
  EXPECT_EQ(field("X-Team"), "a Bcc: b");
}

TEST_F(SmtpMessageTest, LetsNoTextEndItsPart) {
  letter.html = "--=_dlv_7_a--\r\n";
  letter.text = "--=_dlv_7_a\n.\n";
  const std::string message = written();
  std::size_t found = 0;
  for (std::size_t at = 0; (at = message.find("\n--=_dlv_7_a", at)) != message.npos; ++at) ++found;
  EXPECT_EQ(found, 3U) << message;
  EXPECT_NE(message.find("\r\n--=3D_dlv_7_a\r\n.\r\n"), message.npos) << message;
}

// ---- texts beyond ASCII

TEST_F(SmtpMessageTest, WritesRightToLeftTextsAndEmojiAsEncodedWords) {
  letter.subject = "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D";
  EXPECT_EQ(field("Subject"), "=?UTF-8?B?16nXnNeV150=?=");
  letter.subject = "\xF0\x9F\x9A\xA8 down";
  EXPECT_EQ(field("Subject"), "=?UTF-8?B?8J+aqCBkb3du?=");
}

TEST_F(SmtpMessageTest, BreaksLongSubjectsBetweenWordsAndLetters) {
  letter.subject =
      "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen";
  EXPECT_EQ(field("Subject"),
            "one two three four five six seven eight nine ten eleven twelve\r\n"
            " thirteen fourteen fifteen");
  std::string long_one;
  for (int i = 0; i < 40; ++i) long_one += "\xF0\x9F\x9A\xA8";
  letter.subject = long_one;
  std::string decoded;
  std::string words = field("Subject");
  for (std::size_t at = 0; (at = words.find("=?UTF-8?B?", at)) != words.npos;) {
    const std::size_t end = words.find("?=", at);
    EXPECT_LE(end + 2 - at, 75U);
    std::string one;
    ASSERT_TRUE(append_decoded_base64(one, words.substr(at + 10, end - at - 10)));
    EXPECT_EQ(one.size() % 4, 0U) << "no letter is torn";
    decoded += one;
    at = end;
  }
  EXPECT_EQ(decoded, long_one);
}

TEST_F(SmtpMessageTest, EncodesWhatLooksEncoded) {
  letter.subject = "=?UTF-8?Q?x?=";
  EXPECT_EQ(field("Subject"), "=?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=");
  const std::string without_a_break(200, 'x');
  letter.subject = without_a_break;
  EXPECT_EQ(field("Subject").substr(0, 10), "=?UTF-8?B?");
}

TEST_F(SmtpMessageTest, ReplacesBytesThatAreNoText) {
  letter.subject = "a\xFF";
  EXPECT_EQ(field("Subject"), "=?UTF-8?B?Ye+/vQ==?=");
}

TEST_F(SmtpMessageTest, QuotesNames) {
  from.name = R"(Watch, "Night")";
  EXPECT_EQ(field("From"), R"("Watch, \"Night\"" <alerts@example.com>)");
  from.name =
      "W\xC3\xA4"
      "chter";
  EXPECT_EQ(field("From"), "=?UTF-8?B?V8OkY2h0ZXI=?= <alerts@example.com>");
}

TEST_F(SmtpMessageTest, WritesMostlyOtherTextsInBase64) {
  letter.text = "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D\n";
  const std::string message = written();
  EXPECT_NE(message.find("Content-Transfer-Encoding: base64\r\n\r\n16nXnNeV150NCg==\r\n"),
            message.npos);
}

// ---- unsubscribing

TEST_F(SmtpMessageTest, SaysWhereToUnsubscribeAndWhetherAClickDoes) {
  EXPECT_EQ(field("List-Unsubscribe"), "none");
  letter.unsubscribe = "https://example.com/u?id=1";
  EXPECT_EQ(field("List-Unsubscribe"), "<https://example.com/u?id=1>");
  EXPECT_EQ(field("List-Unsubscribe-Post"), "none");
  letter.one_click = true;
  EXPECT_EQ(field("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
}

TEST(SmtpUnsubscribe, IsAUrlThatAHeaderCanHold) {
  EXPECT_EQ(unsubscribe_fault("https://example.com/u", true), "");
  EXPECT_EQ(unsubscribe_fault("mailto:leave@example.com", false), "");
  EXPECT_NE(unsubscribe_fault("mailto:leave@example.com", true), "");
  for (const char* bad :
       {"", "http://example.com/", "https://", "https://a/ b", "https://a/\r\nBcc: x",
        "https://a/>, <https://b/", "https://a/\xC3\xBC"}) {
    EXPECT_NE(unsubscribe_fault(bad, false), "") << bad;
  }
  EXPECT_NE(unsubscribe_fault("https://a/" + std::string(900, 'x'), false), "");
}

TEST(SmtpHeaders, LeaveTheMailsOwnAlone) {
  EXPECT_EQ(header_fault("Reply-To", "desk@example.com"), "");
  EXPECT_EQ(header_fault("sUbject", "x"), "every mail has a header \"sUbject\" of its own");
  for (const char* name : {"", "X Y", "X:Y", "X\r\n", "X\xC3\xBC"}) {
    EXPECT_NE(header_fault(name, "x").find("is no header name"), std::string::npos) << name;
  }
  EXPECT_EQ(header_fault("X-A", "s3cret\r\nBcc: x"),
            "the value of \"X-A\" holds a control character");
}

TEST(SmtpDate, IsInUtcWithEnglishNames) {
  EXPECT_EQ(mail_date(0), "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(mail_date(1709251199), "Thu, 29 Feb 2024 23:59:59 +0000");
  EXPECT_EQ(mail_date(951782400), "Tue, 29 Feb 2000 00:00:00 +0000");
}

// ---- attachments of a notification's data

TEST(SmtpAttachments, AreReadOutOfTheData) {
  std::vector<Attachment> read;
  std::string why;
  ASSERT_TRUE(read_attachments(R"({"attachments":[)"
                               R"({"name":"a.txt","type":"text/plain","content":"aGk="},)"
                               R"({"name":"b","content":"AAECAw=="}],"n":1})",
                               read, why));
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].bytes, "hi");
  EXPECT_EQ(read[1].type, "application/octet-stream");
  EXPECT_EQ(read[1].bytes, std::string("\0\1\2\3", 4));
  read.clear();
  EXPECT_TRUE(read_attachments(R"({"order":1})", read, why));
  EXPECT_TRUE(read.empty());
}

TEST(SmtpAttachments, AreRefusedWithThePlaceThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"name":"a","content":"aGk"})", "data/attachments/0/content is no base64"},
      {R"({"name":"a"})", "data/attachments/0/content is no base64"},
      {R"({"content":"aGk="})", "data/attachments/0/name is no file's name"},
      {R"({"name":"a\r\nX: y","content":"aGk="})", "data/attachments/0/name is no file's name"},
      {R"({"name":"../a","content":"aGk="})", "data/attachments/0/name is no file's name"},
      {R"({"name":"a","type":"text/plain\r\nX: y","content":"aGk="})",
       "data/attachments/0/type is no media type of a file"},
      {R"({"name":"a","type":"multipart/mixed","content":"aGk="})",
       "data/attachments/0/type is no media type of a file"},
      {R"({"name":"a","type":"Message/RFC822","content":"aGk="})",
       "data/attachments/0/type is no media type of a file"},
  };
  for (const auto& [one, expected] : cases) {
    std::vector<Attachment> read;
    std::string why;
    EXPECT_FALSE(read_attachments(std::string(R"({"attachments":[)") + one + "]}", read, why));
    EXPECT_EQ(why, expected);
  }
}

TEST(SmtpAttachments, AreAtMostSixteen) {
  std::string data = R"({"attachments":[)";
  for (int i = 0; i < 17; ++i) data += std::string(i ? "," : "") + R"({"name":"a","content":""})";
  std::vector<Attachment> read;
  std::string why;
  EXPECT_FALSE(read_attachments(data + "]}", read, why));
  EXPECT_EQ(why, "there are more than 16 attachments");
}

// ---- encodings

std::string quoted_printable(std::string_view text) {
  std::string out;
  append_quoted_printable(out, text);
  return out;
}

TEST(SmtpEncoding, QuotesWhatQuotedPrintableMust) {
  EXPECT_EQ(quoted_printable("a=b\r\n"), "a=3Db\r\n");
  EXPECT_EQ(quoted_printable("tail \t\r\n"), "tail =09\r\n");
  EXPECT_EQ(quoted_printable("\xC3\xBC\r\n"), "=C3=BC\r\n");
  EXPECT_EQ(quoted_printable("From me\r\nto From\r\n"), "=46rom me\r\nto From\r\n");
}

TEST(SmtpEncoding, BreaksLinesSoftlyAndTearsNoLetter) {
  EXPECT_EQ(quoted_printable(std::string(76, 'x') + "\r\n"), std::string(76, 'x') + "\r\n");
  EXPECT_EQ(quoted_printable(std::string(77, 'x') + "\r\n"), std::string(75, 'x') + "=\r\nxx\r\n");
  EXPECT_EQ(quoted_printable(std::string(70, 'x') + "\xF0\x9F\x9A\xA8y\r\n"),
            std::string(70, 'x') + "=\r\n=F0=9F=9A=A8y\r\n");
  const std::string from = quoted_printable(std::string(75, 'x') + "From me\r\n");
  EXPECT_EQ(from, std::string(75, 'x') + "=\r\n=46rom me\r\n");
}

TEST(SmtpEncoding, EndsEveryLineInCrlf) {
  EXPECT_EQ(with_crlf("a\nb\r\nc\rd"), "a\r\nb\r\nc\r\nd\r\n");
  EXPECT_EQ(with_crlf("\n\r\n\r"), "\r\n\r\n\r\n");
  EXPECT_EQ(with_crlf(""), "");
}

TEST(SmtpEncoding, DecodesBase64AndNothingElse) {
  const auto decoded = [](std::string_view text) {
    std::string out = ">";
    return append_decoded_base64(out, text) ? out : "none" + out;
  };
  EXPECT_EQ(decoded(""), ">");
  EXPECT_EQ(decoded("aGVs\r\nbG8="), ">hello");
  EXPECT_EQ(decoded("aGVsbG9vbw=="), ">hellooo");
  for (const char* bad : {"a", "aG", "aGk", "aGk==", "aGk=x", "a-_=", "====", "aGVs="}) {
    EXPECT_EQ(decoded(bad), "none>") << bad;
  }
}

}  // namespace
}  // namespace tocsin::output_smtp
