#include "gateway/message/new_time.h"

#include <gtest/gtest.h>

#include <string>

namespace tocsin::message {
namespace {

constexpr WallTime kNow{std::chrono::hours(24 * 365 * 50)};

std::string fault(std::string_view json) {
  const auto read = decode_new_time(json, kNow);
  return read ? "read" : read.error().pointer + ": " + read.error().detail;
}

TEST(NewTime, IsAnInstantOrAWait) {
  EXPECT_EQ(decode_new_time(R"({"deliver_at":"1970-01-01T00:00:01Z"})", kNow).value(),
            WallTime(std::chrono::seconds(1)));
  EXPECT_EQ(decode_new_time(R"({"delay":"5m"})", kNow).value(), kNow + std::chrono::minutes(5));
}

TEST(NewTime, RefusesEverythingElse) {
  EXPECT_EQ(fault("{}"), ": give deliver_at or delay");
  EXPECT_EQ(fault("[]"), ": must be an object");
  EXPECT_EQ(fault(R"({"delay":"5m","deliver_at":"1970-01-01T00:00:01Z"})"),
            ": give deliver_at or delay");
  EXPECT_EQ(fault(R"({"topic":"t"})"), "/topic: only deliver_at or delay can be changed");
  EXPECT_EQ(fault(R"({"delay":"5m","a/b~":1})"),
            "/a~1b~0: only deliver_at or delay can be changed");
  EXPECT_EQ(fault(R"({"delay":5})"), "/delay: must be a string");
  EXPECT_TRUE(fault(R"({"delay":"soon"})").starts_with("/delay: is not a duration: "));
  EXPECT_TRUE(fault(R"({"deliver_at":"soon"})").starts_with("/deliver_at: is not a time: "));
  EXPECT_EQ(fault(R"({"delay":"106751d"})"), "/delay: reaches beyond the year 2261");
  EXPECT_NE(fault("{"), "read");
}

}  // namespace
}  // namespace tocsin::message
