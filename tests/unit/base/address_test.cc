#include "gateway/base/address.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(ParseAddress, ReadsHostsAndPorts) {
  EXPECT_EQ(*parse_address("127.0.0.1:80"), (Address{"127.0.0.1", 80}));
  EXPECT_EQ(*parse_address("[::1]:8080"), (Address{"::1", 8080}));
  EXPECT_EQ(*parse_address("kafka-1.internal_net:9092"), (Address{"kafka-1.internal_net", 9092}));
  EXPECT_EQ(*parse_address(":80"), (Address{"", 80}));
  EXPECT_EQ(*parse_address("*:80"), (Address{"", 80}));
  EXPECT_EQ(*parse_address("localhost:0"), (Address{"localhost", 0}));
}

TEST(ParseAddress, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "80",
                           "localhost",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1: 80",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[127.0.0.1]:80",
                           "[::g]:80",
                           "http://x:80",
                           "a b:80",
                           "x:80/path",
                           "256.0.0.1:80",
                           "1.2.3:80",
                           "1:80",
                           "user@x:80"}) {
    const Result<Address> address = parse_address(text);
    EXPECT_FALSE(address) << text;
    EXPECT_NE(address ? "" : address.error().what, "") << text;
  }
  EXPECT_FALSE(parse_address(std::string_view("[::1\0]:80", 10)));
  EXPECT_FALSE(parse_address(std::string(300, 'a') + ":80"));
}

TEST(FormatAddress, ReadsBackAsTheSameAddress) {
  for (const char* text : {"127.0.0.1:80", "[::1]:8080", "host:1", ":80"}) {
    EXPECT_EQ(format_address(*parse_address(text)), text);
  }
}

TEST(IsLoopback, KnowsEverySpelling) {
  for (const char* host : {"127.0.0.1", "127.255.255.255", "::1", "localhost", "LOCALHOST",
                           "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"", "0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "::2",
                           "localhost.evil.example", "127.0.0.1.example", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
  EXPECT_FALSE(is_loopback(std::string_view("127.0.0.1\0x", 11)));
}

TEST(IsIpLiteral, TellsAddressesFromNames) {
  EXPECT_TRUE(is_ip_literal("10.0.0.1"));
  EXPECT_TRUE(is_ip_literal("fd00::2"));
  EXPECT_FALSE(is_ip_literal("[fd00::2]"));
  EXPECT_FALSE(is_ip_literal("example.com"));
  EXPECT_FALSE(is_ip_literal(""));
}

}  // namespace
}  // namespace tocsin
