#include "gateway/telemetry/ids.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

namespace tocsin::telemetry {
namespace {

TEST(Ids, WriteHexThatReadsBack) {
  IdSource ids(3);
  for (int i = 0; i < 1000; ++i) {
    const SpanId id = ids.span_id();
    const auto digits = id.hex();
    EXPECT_EQ(parse_hex64({digits.data(), digits.size()}), id.bits);
  }
  const auto digits = TraceId{0x0123456789abcdef, 0xfedcba9876543210}.hex();
  EXPECT_EQ(std::string(digits.data(), digits.size()), "0123456789abcdeffedcba9876543210");
}

TEST(Ids, ReadOnlySixteenLowerCaseDigits) {
  EXPECT_EQ(parse_hex64("00000000000000ff"), 255U);
  EXPECT_FALSE(parse_hex64("00000000000000FF"));
  EXPECT_FALSE(parse_hex64("0000000000000ff"));
  EXPECT_FALSE(parse_hex64("000000000000000ff"));
  EXPECT_FALSE(parse_hex64("000000000000000g"));
  EXPECT_FALSE(parse_hex64("000000000000000`"));
  EXPECT_FALSE(parse_hex64("00000000000000/:"));
  EXPECT_FALSE(parse_hex64(""));
}

TEST(IdSource, RepeatsItselfOnlyForTheSameSeed) {
  IdSource a(1);
  IdSource b(1);
  IdSource c(2);
  const TraceId first = a.trace_id();
  EXPECT_EQ(first, b.trace_id());
  EXPECT_NE(first, c.trace_id());
}

TEST(IdSource, GivesDifferentValidIds) {
  IdSource ids(5);
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const RequestId id = ids.request_id();
    EXPECT_EQ(id.view().find_first_not_of("0123456789abcdef"), std::string_view::npos);
    seen.emplace(id.view());
    EXPECT_TRUE(ids.span_id().valid());
    EXPECT_TRUE(ids.trace_id().valid());
  }
  EXPECT_EQ(seen.size(), 10'000U);
}

TEST(IdSource, EachThreadHasItsOwn) {
  IdSource& mine = IdSource::of_this_thread();
  EXPECT_EQ(&mine, &IdSource::of_this_thread());
  TraceId theirs;
  std::thread([&] { theirs = IdSource::of_this_thread().trace_id(); }).join();
  EXPECT_NE(mine.trace_id(), theirs);
}

}  // namespace
}  // namespace tocsin::telemetry
