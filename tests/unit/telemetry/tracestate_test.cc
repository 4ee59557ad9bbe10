#include "gateway/telemetry/tracestate.h"

#include <gtest/gtest.h>

namespace tocsin::telemetry {
namespace {

std::string format(const Tracestate& state) {
  std::string out;
  state.append_to(out);
  return out;
}

std::string members(int count, std::size_t value_bytes = 1) {
  std::string header;
  for (int i = 0; i < count; ++i) {
    if (i > 0) header += ',';
    header += "k" + std::to_string(i) + "=" + std::string(value_bytes, 'v');
  }
  return header;
}

TEST(Tracestate, ReadsMembersInOrder) {
  const auto state = Tracestate::parse("rojo=00f067aa0ba902b7,tenant@congo=t61rcWkgMzE");
  ASSERT_TRUE(state);
  ASSERT_EQ(state->size(), 2U);
  EXPECT_EQ((*state)[0].key, "rojo");
  EXPECT_EQ(state->find("tenant@congo"), "t61rcWkgMzE");
  EXPECT_EQ(state->find("else"), std::nullopt);
}

TEST(Tracestate, SkipsBlanksAndEmptyMembers) {
  const auto state = Tracestate::parse(" a=1 ,\t, b=x y\t,");
  ASSERT_TRUE(state);
  EXPECT_EQ(format(*state), "a=1,b=x y");
  EXPECT_EQ(Tracestate::parse("")->size(), 0U);
}

TEST(Tracestate, RefusesTheWholeListForOneBadMember) {
  for (const char* header :
       {"a", "=1", "a=", "a=1,b", "A=1", "_a=1", "a b=1", "a =1", "a=1=2", "a=\x7f", "a=\xc3\xa4",
        "a=1,a=2", "a=1,b=2,a=1", "a=\t1", "a=x\ty", "@a=1"}) {
    EXPECT_FALSE(Tracestate::parse(header)) << header;
  }
}

TEST(Tracestate, HoldsKeysAndValuesToTheirLimits) {
  EXPECT_TRUE(Tracestate::parse(std::string(256, 'k') + "=" + std::string(256, 'v')));
  EXPECT_FALSE(Tracestate::parse(std::string(257, 'k') + "=v"));
  EXPECT_FALSE(Tracestate::parse("k=" + std::string(257, 'v')));
}

TEST(Tracestate, TakesThirtyTwoMembersAndNoMore) {
  EXPECT_TRUE(Tracestate::parse(members(32)));
  EXPECT_FALSE(Tracestate::parse(members(33)));
}

TEST(Tracestate, PutsOurMemberFirst) {
  const std::string header = "a=1,b=2,c=3";
  auto state = Tracestate::parse(header).value();
  EXPECT_TRUE(state.put("b", "new"));
  EXPECT_EQ(format(state), "b=new,a=1,c=3");
  EXPECT_TRUE(state.put("tocsin", "x"));
  EXPECT_EQ(format(state), "tocsin=x,b=new,a=1,c=3");
  EXPECT_FALSE(state.put("Bad", "x"));
  EXPECT_FALSE(state.put("k", "a,b"));
  EXPECT_EQ(state.size(), 4U);
}

TEST(Tracestate, LetsTheLastMemberOfAFullListGo) {
  const std::string header = members(32);
  auto state = Tracestate::parse(header).value();
  EXPECT_TRUE(state.put("tocsin", "x"));
  EXPECT_EQ(state.size(), 32U);
  EXPECT_EQ(state[0].key, "tocsin");
  EXPECT_EQ(state.find("k31"), std::nullopt);
  EXPECT_EQ(state.find("k30"), "v");
}

TEST(Tracestate, LeavesOutLargeMembersFirstAndThenTheLast) {
  const std::string header = "a=1,large=" + std::string(200, 'x') + "," + members(16, 20);
  const std::string sent = format(Tracestate::parse(header).value());
  EXPECT_LE(sent.size(), kTracestateBytesMax);
  EXPECT_EQ(sent, "a=1," + members(16, 20));

  const std::string small = members(32, 60);
  const std::string cut = format(Tracestate::parse(small).value());
  EXPECT_LE(cut.size(), kTracestateBytesMax);
  EXPECT_EQ(cut, small.substr(0, cut.size()));
  EXPECT_EQ(small[cut.size()], ',');
}

TEST(Tracestate, SendsAListOfExactlyTheLimitWhole) {
  const std::string header = "a=" + std::string(126, 'x') + ",b=" + std::string(126, 'x') +
                             ",c=" + std::string(126, 'x') + ",d=" + std::string(123, 'x');
  ASSERT_EQ(header.size(), kTracestateBytesMax);
  EXPECT_EQ(format(Tracestate::parse(header).value()), header);
}

}  // namespace
}  // namespace tocsin::telemetry
