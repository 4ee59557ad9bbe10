#include "gateway/http/url.h"

#include <gtest/gtest.h>

namespace tocsin::http {
namespace {

TEST(Url, ReadsItsParts) {
  EXPECT_EQ(parse_url("http://example.com/a/b?c=d&e=%2F").value(),
            (Url{"http", "example.com", 80, "example.com", "/a/b?c=d&e=%2F"}));
  EXPECT_EQ(parse_url("https://example.com").value(),
            (Url{"https", "example.com", 443, "example.com", "/"}));
  EXPECT_EQ(parse_url("HTTP://Example.COM:8080?q").value(),
            (Url{"http", "example.com", 8080, "example.com:8080", "/?q"}));
  EXPECT_EQ(parse_url("http://10.0.0.1:80/").value(),
            (Url{"http", "10.0.0.1", 80, "10.0.0.1", "/"}));
  EXPECT_EQ(parse_url("https://h:80/").value(), (Url{"https", "h", 80, "h:80", "/"}));
}

TEST(Url, ReadsIpv6Literals) {
  EXPECT_EQ(parse_url("http://[::1]/x").value(), (Url{"http", "::1", 80, "[::1]", "/x"}));
  EXPECT_EQ(parse_url("http://[2001:DB8::7]:8080/").value(),
            (Url{"http", "2001:db8::7", 8080, "[2001:db8::7]:8080", "/"}));
}

TEST(Url, KeepsThePathAsWritten) {
  EXPECT_EQ(parse_url("http://h/a/../b//c").value().target, "/a/../b//c");
  EXPECT_EQ(parse_url("http://h/?a=http://x/?y").value().target, "/?a=http://x/?y");
}

TEST(Url, RefusesWhatIsNotStrictlyRight) {
  const std::string_view wrong[] = {"",
                                    "h",
                                    "//h/",
                                    "/a",
                                    "http:/h",
                                    "http//h",
                                    "ftp://h/",
                                    "http://",
                                    "http:///a",
                                    "http://:80/",
                                    "http://h:/",
                                    "http://h:0/",
                                    "http://h:65536/",
                                    "http://h:+80/",
                                    "http://h:8x/",
                                    "http://h:80:80/",
                                    "http://user@h/",
                                    "http://user:secret@h/",
                                    "http://@h/",
                                    "http://h/#f",
                                    "http://h#f",
                                    "http://h /",
                                    "http://h/a b",
                                    "http://h/\r\nX: y",
                                    "http://h/\"",
                                    "http://h/a|b",
                                    "http://h/%",
                                    "http://h/%2",
                                    "http://h/%zz",
                                    "http://h/\x80",
                                    "http://h\\x/",
                                    "http://h%41/",
                                    "http://[::1/",
                                    "http://[]/",
                                    "http://[::1]x/",
                                    "http://[10.0.0.1]/",
                                    "http://[fe80::1%25eth0]/",
                                    "http://::1/",
                                    "http://h\t/",
                                    " http://h/",
                                    "http://[::1]:/"};
  for (const std::string_view text : wrong) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().code, Code::kInvalid) << text;
  }
  EXPECT_FALSE(parse_url(std::string_view("http://h/\0", 10)).has_value());
  EXPECT_FALSE(parse_url("http://h/" + std::string(9000, 'a')).has_value());
  EXPECT_FALSE(parse_url("http://" + std::string(254, 'a') + "/").has_value());
}

TEST(Url, NeverRepeatsASecretInItsErrors) {
  const auto url = parse_url("http://user:hunter2@h/");
  ASSERT_FALSE(url.has_value());
  EXPECT_EQ(url.error().text().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace tocsin::http
