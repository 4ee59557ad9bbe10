#include "gateway/event/address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <string_view>

namespace tocsin::event {
namespace {

std::string round_trip(std::string_view text) {
  const Result<Address> address = Address::parse(text);
  return address ? address->text() : "refused: " + address.error().what;
}

static_assert(sizeof(Address) <= 32, "every connection keeps two of them");

TEST(Address, ReadsAndWritesBothFamilies) {
  EXPECT_EQ(round_trip("127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(round_trip("[::1]:8080"), "[::1]:8080");
  EXPECT_EQ(round_trip("[2001:db8:0:0::5]:65535"), "[2001:db8::5]:65535");
  EXPECT_EQ(round_trip("0.0.0.0:0"), "0.0.0.0:0");
}

TEST(Address, TakesAMissingOrStarredHostAsAllV4Interfaces) {
  EXPECT_EQ(round_trip(":80"), "0.0.0.0:80");
  EXPECT_EQ(round_trip("*:80"), "0.0.0.0:80");
}

TEST(Address, RefusesWhatIsNoAddressAndSaysWhy) {
  EXPECT_EQ(round_trip("127.0.0.1"), "refused: the address '127.0.0.1' has no port");
  EXPECT_EQ(round_trip("127.0.0.1:"), "refused: the port '' is not a number from 0 to 65535");
  EXPECT_EQ(round_trip("127.0.0.1:65536"),
            "refused: the port '65536' is not a number from 0 to 65535");
  EXPECT_EQ(round_trip("127.0.0.1:-1"), "refused: the port '-1' is not a number from 0 to 65535");
  EXPECT_EQ(round_trip("127.0.0.1:80x"), "refused: the port '80x' is not a number from 0 to 65535");
  EXPECT_EQ(round_trip("127.0.0.1:99999999999999"),
            "refused: the port '99999999999999' is not a number from 0 to 65535");
  EXPECT_EQ(round_trip("::1:80"), "refused: write the IPv6 address in brackets: [::1]");
  EXPECT_EQ(round_trip("localhost:80"), "refused: 'localhost' is not an IP address");
  EXPECT_EQ(round_trip("[]:80"), "refused: '' is not an IP address");
  EXPECT_EQ(round_trip("127.0.0.256:80"), "refused: '127.0.0.256' is not an IP address");
  EXPECT_EQ(round_trip("127.1:80"), "refused: '127.1' is not an IP address");
}

TEST(Address, RefusesATextThatGoesOnBehindANulByte) {
  const std::string hidden("127.0.0.1\0.example", 18);
  EXPECT_FALSE(Address::from_ip(hidden, 80));
  EXPECT_FALSE(Address::parse(hidden + ":80"));
}

TEST(Address, CarriesPortsInHostOrder) {
  Address v4 = *Address::from_ip("10.1.2.3", 4711);
  EXPECT_EQ(v4.port(), 4711);
  EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in*>(v4.data())->sin_port), 4711);
  v4.set_port(80);
  EXPECT_EQ(v4.text(), "10.1.2.3:80");
  Address v6 = *Address::from_ip("fe80::1", 1);
  v6.set_port(443);
  EXPECT_EQ(v6.port(), 443);
  EXPECT_EQ(v6.text(), "[fe80::1]:443");
  EXPECT_EQ(v6.size(), sizeof(sockaddr_in6));
  EXPECT_EQ(v4.size(), sizeof(sockaddr_in));
}

TEST(Address, CopiesWhatTheKernelFilledIn) {
  const Address original = *Address::parse("[::1]:99");
  const Address copy = Address::from_socket(original.data(), original.size());
  EXPECT_EQ(copy.text(), "[::1]:99");
  EXPECT_EQ(copy.family(), AF_INET6);
}

TEST(Address, ShowsAMappedV4AsV4AndCountsItAsTheSamePeer) {
  const Address mapped = *Address::parse("[::ffff:192.0.2.7]:1");
  const Address plain = *Address::parse("192.0.2.7:2");
  EXPECT_EQ(mapped.ip(), "192.0.2.7");
  EXPECT_EQ(mapped.text(), "192.0.2.7:1");
  EXPECT_EQ(mapped.ip_key(), plain.ip_key());
}

TEST(Address, KeysIgnorePortsAndTellPeersApart) {
  const auto key = [](std::string_view ip) { return Address::from_ip(ip, 1)->ip_key(); };
  EXPECT_EQ(key("192.0.2.7"), Address::from_ip("192.0.2.7", 9)->ip_key());
  EXPECT_FALSE(key("192.0.2.7") == key("192.0.2.8"));
  EXPECT_FALSE(key("2001:db8::1") == key("2001:db8::2"));
  EXPECT_FALSE(key("2001:db8:1::") == key("2001:db8::"));
}

TEST(Address, KnowsLoopbackInAllItsForms) {
  for (const char* ip : {"127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.9"}) {
    EXPECT_TRUE(Address::from_ip(ip, 0)->is_loopback()) << ip;
  }
  for (const char* ip : {"128.0.0.1", "10.0.0.127", "::2", "::", "::ffff:126.0.0.1"}) {
    EXPECT_FALSE(Address::from_ip(ip, 0)->is_loopback()) << ip;
  }
  EXPECT_FALSE(Address().is_loopback());
}

}  // namespace
}  // namespace tocsin::event
