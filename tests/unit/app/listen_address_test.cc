#include "gateway/app/listen_address.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

ListenAddress at(std::string_view text) { return ListenAddress::parse(text).value(); }

std::string advice(std::string_view text) {
  const auto parsed = ListenAddress::parse(text);
  return parsed ? "accepted" : parsed.error().what;
}

TEST(ListenAddress, IsAnAddressAndNoName) {
  EXPECT_EQ(advice("localhost:8080"), "write 127.0.0.1:8080 or [::1]:8080");
  EXPECT_EQ(advice("a.example:80"), "write the IP address to listen on, or :80 for every address");
  EXPECT_EQ(advice("[::ffff:127.0.0.1]:80"), "write it as the IPv4 address it is: 127.0.0.1:80");
  EXPECT_EQ(advice("127.0.0.1:80"), "accepted");
  EXPECT_EQ(advice("[::1]:80"), "accepted");
  EXPECT_EQ(advice("*:80"), "accepted");
}

TEST(ListenAddress, OverlapsHoweverItIsWritten) {
  EXPECT_TRUE(at("[::1]:80").overlaps(at("[0:0:0:0:0:0:0:1]:80")));
  EXPECT_TRUE(at("0.0.0.0:80").overlaps(at("127.0.0.1:80")));
  EXPECT_TRUE(at("[::1]:80").overlaps(at("[::]:80")));
  EXPECT_TRUE(at(":80").overlaps(at("*:80")));
  EXPECT_TRUE(at(":80").overlaps(at("127.0.0.1:80")));
  EXPECT_TRUE(at(":80").overlaps(at("[::1]:80")));
}

TEST(ListenAddress, LeavesTheOtherFamilyAndOtherPortsAlone) {
  EXPECT_FALSE(at("0.0.0.0:80").overlaps(at("[::]:80")));
  EXPECT_FALSE(at("127.0.0.1:80").overlaps(at("127.0.0.2:80")));
  EXPECT_FALSE(at(":80").overlaps(at(":81")));
  EXPECT_FALSE(at(":0").overlaps(at(":0"))) << "a free port each time";
}

TEST(ListenAddress, EveryAddressIsThatOfBothFamilies) {
  const auto every = at(":0").open({.sharing = event::ListenOptions::Sharing::kAlone});
  ASSERT_TRUE(every) << every.error().text();
  const std::string port = std::to_string(every->address().port());
  const auto v4 = at("127.0.0.1:" + port).open({.sharing = event::ListenOptions::Sharing::kAlone});
  ASSERT_FALSE(v4);
  EXPECT_EQ(v4.error().code, Code::kExists);
}

}  // namespace
}  // namespace tocsin::app
