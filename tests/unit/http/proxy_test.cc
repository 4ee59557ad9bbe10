#include "gateway/http/proxy.h"

#include <gtest/gtest.h>

namespace tocsin::http {
namespace {

TEST(ForwardProxy, ReadsWhereItIsAndWhatItIsTold) {
  const ForwardProxy plain = ForwardProxy::parse("http://Proxy.example:3128").value();
  EXPECT_EQ(plain.host, "proxy.example");
  EXPECT_EQ(plain.port, 3128);
  EXPECT_EQ(plain.authorization, "");
  EXPECT_EQ(ForwardProxy::parse("http://[::1]:8080/").value().host, "::1");
  // RFC 7617 2
  EXPECT_EQ(ForwardProxy::parse("http://Aladdin:open%20sesame@p:1").value().authorization,
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(ForwardProxy::parse("http://a@p:1").value().authorization, "Basic YTo=");
  EXPECT_EQ(ForwardProxy::parse("http://ab:c@d@p:1").value().authorization, "Basic YWI6Y0Bk");
}

TEST(ForwardProxy, RefusesWhatIsNoProxyAndRepeatsNoPassword) {
  for (const std::string_view url :
       {"", "proxy:3128", "https://p:1", "socks5://p:1", "http://", "http://hidden@", "http://p:0",
        "http://p:1/path", "http://hidden%zz@p:1", "http://hidden:hidden@p:1/path?x"}) {
    const auto parsed = ForwardProxy::parse(url);
    ASSERT_FALSE(parsed.has_value()) << url;
    EXPECT_EQ(parsed.error().what.find("hidden"), std::string::npos) << url;
  }
}

TEST(ProxyExceptions, HoldNamesWithWhatIsBelowThemAndAddresses) {
  const auto holds = [](const std::string& text, std::string_view host) {
    return ProxyExceptions::create({text}).value().contains(host);
  };
  EXPECT_TRUE(holds("example.com", "example.com"));
  EXPECT_TRUE(holds("Example.com", "a.EXAMPLE.com."));
  EXPECT_FALSE(holds("example.com", "badexample.com"));
  EXPECT_TRUE(holds(".example.com", "a.example.com"));
  EXPECT_FALSE(holds(".example.com", "example.com"));
  EXPECT_TRUE(holds("10.0.0.0/8", "10.1.2.3"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.1.2.3"));
  EXPECT_TRUE(holds("127.0.0.1", "127.0.0.1"));
  EXPECT_TRUE(holds("*", "anything"));
  EXPECT_FALSE(ProxyExceptions().contains("anything"));
  EXPECT_FALSE(ProxyExceptions::create({""}).has_value());
  EXPECT_FALSE(ProxyExceptions::create({"10.0.0.0/40"}).has_value());
}

TEST(ProxyExceptions, RefuseWhatNoHostCanBeAndSayWhatIsMeant) {
  const auto why = [](const std::string& text) {
    const auto made = ProxyExceptions::create({text});
    return made ? "taken" : made.error().what;
  };
  EXPECT_EQ(why("*.x.example"),
            "'*.x.example' is neither a host name nor an address range: write 'x.example' for it "
            "and what is below it, or '.x.example' for what is below alone");
  EXPECT_EQ(why("x.example:8080"),
            "'x.example:8080' is neither a host name nor an address range: write 'x.example', "
            "which is every port of it");
  EXPECT_EQ(why("x.example."),
            "'x.example.' is neither a host name nor an address range: write it without the last "
            "dot");
  for (const char* text : {"a b", "a*", "..a", "a..b", ".", "b\xc3\xbc"}) {
    EXPECT_NE(why(text), "taken") << text;
  }
  EXPECT_EQ(why("my_host-1"), "taken");
}

}  // namespace
}  // namespace tocsin::http
