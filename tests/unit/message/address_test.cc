#include "gateway/message/address.h"

#include <gtest/gtest.h>

namespace tocsin::message {
namespace {

TEST(Address, HasTheDomainOfAnEmailAddressInSmallLetters) {
  EXPECT_EQ(normal_address("email:Ann.Lee@Example.COM"), "email:Ann.Lee@example.com");
  EXPECT_EQ(normal_address("email:\"A@B\"@C.example"), "email:\"A@B\"@c.example");
  EXPECT_EQ(normal_address("email:Nobody"), "email:Nobody");
  EXPECT_EQ(normal_address("email:a@Bücher.example"), "email:a@bücher.example");
}

TEST(Address, IsOtherwiseAsItIsWritten) {
  for (const char* address : {"phone:+1 555 01", "push:Token@Device", "", "email:", "Email:a@B"}) {
    EXPECT_EQ(normal_address(address), address);
    EXPECT_TRUE(is_normal_address(address)) << address;
  }
}

TEST(Address, KnowsItsForm) {
  EXPECT_TRUE(is_normal_address("email:Ann@example.com"));
  EXPECT_FALSE(is_normal_address("email:ann@Example.com"));
}

}  // namespace
}  // namespace tocsin::message
