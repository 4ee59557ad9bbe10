#include "gateway/event/address_range.h"

#include <gtest/gtest.h>

namespace tocsin::event {
namespace {

bool lies_in(std::string_view ip, std::string_view range) {
  return AddressRange::parse(range).value().contains(Address::from_ip(ip, 80).value());
}

TEST(AddressRange, HoldsWhatSharesItsPrefix) {
  EXPECT_TRUE(lies_in("10.255.0.1", "10.0.0.0/8"));
  EXPECT_FALSE(lies_in("11.0.0.1", "10.0.0.0/8"));
  EXPECT_TRUE(lies_in("172.31.255.255", "172.16.0.0/12"));
  EXPECT_FALSE(lies_in("172.32.0.0", "172.16.0.0/12"));
  EXPECT_TRUE(lies_in("fdff::1", "fc00::/7"));
  EXPECT_FALSE(lies_in("fe00::1", "fc00::/7"));
  EXPECT_TRUE(lies_in("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(lies_in("192.0.2.8", "192.0.2.7"));
  EXPECT_TRUE(lies_in("192.0.2.8", "0.0.0.0/0"));
  EXPECT_FALSE(lies_in("2001:db8::1", "0.0.0.0/0"));
}

TEST(AddressRange, TakesAMappedAddressForTheOneItStandsFor) {
  EXPECT_TRUE(lies_in("::ffff:10.1.2.3", "10.0.0.0/8"));
  EXPECT_TRUE(lies_in("10.1.2.3", "::ffff:10.0.0.0/104"));
}

TEST(AddressRange, RefusesWhatIsNoRange) {
  for (const std::string_view text : {"", "10", "example.com", "10.0.0.0/", "10.0.0.0/33",
                                      "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8", "fd00::1/8"}) {
    EXPECT_FALSE(AddressRange::parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace tocsin::event
