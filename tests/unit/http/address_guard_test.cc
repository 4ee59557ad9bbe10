#include "gateway/http/address_guard.h"

#include <gtest/gtest.h>

namespace tocsin::http {
namespace {

std::string_view refusal(std::string_view ip, const std::vector<std::string>& allowed = {}) {
  return AddressGuard::create(allowed).value().refusal(event::Address::from_ip(ip, 80).value());
}

TEST(AddressGuard, LetsPublicAddressesPass) {
  for (const std::string_view ip :
       {"1.1.1.1", "8.8.8.8", "172.32.0.1", "172.15.255.255", "100.128.0.1", "169.253.1.1",
        "223.255.255.255", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_EQ(refusal(ip), "") << ip;
  }
}

TEST(AddressGuard, RefusesWhatOnlyTheInsideMayReach) {
  EXPECT_EQ(refusal("127.0.0.1"), "a loopback address");
  EXPECT_EQ(refusal("127.8.9.10"), "a loopback address");
  EXPECT_EQ(refusal("::1"), "a loopback address");
  EXPECT_EQ(refusal("0.0.0.0"), "an address of this machine");
  EXPECT_EQ(refusal("::"), "an address of this machine");
  EXPECT_EQ(refusal("10.0.0.1"), "a private address");
  EXPECT_EQ(refusal("172.16.0.1"), "a private address");
  EXPECT_EQ(refusal("172.31.255.255"), "a private address");
  EXPECT_EQ(refusal("192.168.1.1"), "a private address");
  EXPECT_EQ(refusal("fd00:ec2::254"), "a private address");
  EXPECT_EQ(refusal("169.254.169.254"), "a link-local address");
  EXPECT_EQ(refusal("fe80::1"), "a link-local address");
  EXPECT_EQ(refusal("100.100.100.200"), "a carrier's private address");
  EXPECT_EQ(refusal("224.0.0.1"), "a multicast address");
  EXPECT_EQ(refusal("ff02::1"), "a multicast address");
  EXPECT_EQ(refusal("255.255.255.255"), "a reserved address");
}

TEST(AddressGuard, LooksThroughTheFormsThatCarryAnIpv4Address) {
  EXPECT_EQ(refusal("::ffff:127.0.0.1"), "a loopback address");
  EXPECT_EQ(refusal("::ffff:169.254.169.254"), "a link-local address");
  EXPECT_EQ(refusal("::127.0.0.1"), "a loopback address");
  EXPECT_EQ(refusal("64:ff9b::10.0.0.1"), "a private address");
  EXPECT_EQ(refusal("2002:a00:1::1"), "a private address");
  EXPECT_EQ(refusal("2001:0:1::1"), "a tunnelled address");
}

TEST(AddressGuard, LetsPassWhatTheConfigurationAllows) {
  EXPECT_EQ(refusal("10.1.2.3", {"10.1.0.0/16"}), "");
  EXPECT_EQ(refusal("::ffff:10.1.2.3", {"10.1.0.0/16"}), "");
  EXPECT_EQ(refusal("10.2.2.3", {"10.1.0.0/16"}), "a private address");
  EXPECT_FALSE(AddressGuard::create({"10.1.0.0/33"}).has_value());
}

}  // namespace
}  // namespace tocsin::http
