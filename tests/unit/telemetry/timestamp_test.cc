#include "gateway/telemetry/timestamp.h"

#include <gtest/gtest.h>

namespace tocsin::telemetry {
namespace {

std::string at(std::int64_t seconds, std::int64_t ns = 0) {
  std::string out;
  append_timestamp(out, WallTime(std::chrono::seconds(seconds) + Duration(ns)));
  return out;
}

TEST(Timestamp, ShowsKnownInstants) {
  EXPECT_EQ(at(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(at(951'782'400), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(at(1'767'225'599, 999'999'999), "2025-12-31T23:59:59.999Z");
  EXPECT_EQ(at(4'102'444'800), "2100-01-01T00:00:00.000Z");
}

TEST(Timestamp, CutsMillisecondsAlsoBeforeTheEpoch) {
  EXPECT_EQ(at(0, 1'999'999), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(at(-1, 999'000'000), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace tocsin::telemetry
