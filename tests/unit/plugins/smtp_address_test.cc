#include <gtest/gtest.h>

#include <string>

#include "plugins/output/smtp/address.h"

namespace tocsin::output_smtp {
namespace {

std::string read(std::string_view text) {
  Address address;
  std::string why;
  return address.read(text, why) ? address.text() : "refused: " + why;
}

TEST(SmtpAddress, TakesWhatMailTakes) {
  for (const char* good :
       {"ops@example.com", "first.last+tag@sub.example.com", "a@b", "root@localhost",
        "!#$%&'*+-/=?^_`{|}~@example.com", R"("a b"@example.com)", R"("a\"b@c"@example.com)"}) {
    EXPECT_EQ(read(good), good);
  }
  EXPECT_EQ(read("Ops@Example.COM"), "Ops@example.com") << "only the domain is without case";
}

TEST(SmtpAddress, RefusesWhatIsNoneAndSaysWhy) {
  EXPECT_EQ(read("ops"), "refused: an address has an @");
  EXPECT_EQ(read("ops@"), "refused: there is no domain behind the @");
  EXPECT_EQ(read("ops@[192.0.2.1]"), "refused: an IP address in place of the domain is not taken");
  for (const char* bad : {"@example.com", ".ops@example.com", "ops.@example.com",
                          "o..ps@example.com", "o ps@example.com", "<ops@example.com",
                          "a@b@example.com", R"("a"b"@example.com)", R"("a\"@example.com)"}) {
    EXPECT_EQ(read(bad), "refused: what stands in front of the @ is no local part") << bad;
  }
  for (const char* bad : {"ops@-example.com", "ops@example-.com", "ops@exa_mple.com",
                          "ops@example..com", "ops@.com", "ops@example.com.", "ops@example.com>"}) {
    EXPECT_EQ(read(bad), "refused: what stands behind the @ is no domain") << bad;
  }
}

TEST(SmtpAddress, HoldsNoLineEndThatCouldBeginACommandOrAHeader) {
  for (const char* bad : {"ops@example.com\r\nRCPT TO:<x@y>", "ops\n@example.com", "ops\r@b",
                          "\"a\r\nBcc: x\"@example.com", "ops@exa\tmple.com"}) {
    EXPECT_EQ(read(bad), "refused: an address holds no control characters") << bad;
  }
  EXPECT_EQ(read(std::string("ops@exa\0mple.com", 16)),
            "refused: an address holds no control characters");
}

TEST(SmtpAddress, WritesDomainsOfAnyScriptInALabels) {
  EXPECT_EQ(read("ops@b\xC3\xBC"
                 "cher.example"),
            "ops@xn--bcher-kva.example");
  EXPECT_EQ(read("ops@B\xC3\x9C"
                 "CHER.example"),
            "ops@xn--bcher-kva.example");
  EXPECT_EQ(read("ops@\xE4\xBE\x8B\xE3\x81\x88.\xE3\x83\x86\xE3\x82\xB9\xE3\x83\x88"),
            "ops@xn--r8jz45g.xn--zckzah");
  EXPECT_EQ(read("ops@fa\xC3\x9F.de"), "ops@xn--fa-hia.de") << "non-transitional";
  EXPECT_EQ(read("ops@\xFF.example").substr(0, 45),
            "refused: the domain is no internationalized n");
}

TEST(SmtpAddress, RefusesMoreThanAsciiInFrontOfTheAt) {
  EXPECT_EQ(read("j\xC3\xBCrgen@example.com"),
            "refused: only ASCII is taken in front of the @; behind it any script is");
}

TEST(SmtpAddress, IsNoLongerThanMailAllows) {
  const std::string local(64, 'a');
  const std::string domain =
      std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(57, 'd') + ".ee";
  EXPECT_EQ((local + "@" + domain).size(), 253U);
  EXPECT_EQ(read(local + "@" + domain), local + "@" + domain);
  EXPECT_EQ(read(local + "@" + domain + "eee"), "refused: the address is longer than mail allows");
  EXPECT_EQ(read(local + "a@example.com"), "refused: the address is longer than mail allows");
  EXPECT_EQ(read("a@" + std::string(64, 'b') + ".example"),
            "refused: what stands behind the @ is no domain");
}

TEST(SmtpMailbox, HasANameOrNone) {
  Mailbox mailbox;
  std::string why;
  ASSERT_TRUE(mailbox.read("ops@example.com", why));
  EXPECT_EQ(mailbox.name, "");
  ASSERT_TRUE(mailbox.read(" Night Watch <ops@example.com> ", why));
  EXPECT_EQ(mailbox.name, "Night Watch");
  EXPECT_EQ(mailbox.address.text(), "ops@example.com");
  ASSERT_TRUE(mailbox.read(R"("Watch, \"Night\"" <ops@example.com>)", why));
  EXPECT_EQ(mailbox.name, R"(Watch, "Night")");
  ASSERT_TRUE(mailbox.read("<ops@example.com>", why));
  EXPECT_EQ(mailbox.name, "");
  EXPECT_FALSE(mailbox.read("Night Watch <ops>", why));
  EXPECT_FALSE(mailbox.read("Night\nWatch <ops@example.com>", why));
  EXPECT_EQ(why, "a mailbox holds no control characters");
}

}  // namespace
}  // namespace tocsin::output_smtp
