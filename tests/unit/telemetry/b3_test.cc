#include "gateway/telemetry/b3.h"

#include <gtest/gtest.h>

#include <string>

namespace tocsin::telemetry {
namespace {

const std::string kTrace = "80f198ee56343ba864fe8b2a57d3eff7";
const std::string kSpan = "e457b5a2e4d86bd1";
constexpr TraceId kTraceId{0x80f198ee56343ba8, 0x64fe8b2a57d3eff7};
constexpr SpanId kSpanId{0xe457b5a2e4d86bd1};

TEST(B3Single, ReadsIdsSamplingAndParent) {
  const auto b3 = parse_b3_single(kTrace + "-" + kSpan + "-1-05e3ac9a4f6e3b90");
  ASSERT_TRUE(b3);
  EXPECT_EQ(b3->trace_id, kTraceId);
  EXPECT_EQ(b3->span_id, kSpanId);
  EXPECT_EQ(b3->sampling, B3Sampling::kAccept);
  EXPECT_EQ(parse_b3_single(kTrace + "-" + kSpan)->sampling, B3Sampling::kDefer);
  EXPECT_EQ(parse_b3_single(kTrace + "-" + kSpan + "-0")->sampling, B3Sampling::kDeny);
  EXPECT_EQ(parse_b3_single(kTrace + "-" + kSpan + "-d")->sampling, B3Sampling::kDebug);
}

TEST(B3Single, WidensShortTraceIds) {
  const auto b3 = parse_b3_single(kSpan + "-" + kSpan + "-1");
  ASSERT_TRUE(b3);
  EXPECT_EQ(b3->trace_id, (TraceId{0, kSpanId.bits}));
}

TEST(B3Single, TakesADecisionWithoutIds) {
  const auto deny = parse_b3_single("0");
  ASSERT_TRUE(deny);
  EXPECT_FALSE(deny->has_ids());
  EXPECT_EQ(deny->sampling, B3Sampling::kDeny);
  EXPECT_EQ(parse_b3_single("d")->sampling, B3Sampling::kDebug);
}

TEST(B3Single, RefusesWhatIsMalformed) {
  const std::string zeros(16, '0');
  for (const std::string& value :
       {std::string(), std::string("2"), std::string("-"), kTrace, kTrace + "-",
        kTrace + "-" + zeros, zeros + zeros + "-" + kSpan, kTrace + "-" + kSpan + "-",
        kTrace + "-" + kSpan + "-x", kTrace + "-" + kSpan + "-1-", kTrace + "-" + kSpan + "-1-12",
        kTrace + "-" + kSpan + "-1-" + kSpan + "-", kTrace + "-" + kSpan + "--" + kSpan,
        kTrace + "-" + kSpan + "-1-" + zeros, kTrace.substr(1) + "-" + kSpan,
        "80F198EE56343BA864FE8B2A57D3EFF7-" + kSpan}) {
    EXPECT_FALSE(parse_b3_single(value)) << value;
  }
}

TEST(B3Multi, ReadsSeparateHeaders) {
  const auto b3 = parse_b3_multi({kTrace, kSpan, "1", ""});
  ASSERT_TRUE(b3);
  EXPECT_EQ(b3->trace_id, kTraceId);
  EXPECT_EQ(b3->span_id, kSpanId);
  EXPECT_EQ(b3->sampling, B3Sampling::kAccept);
  EXPECT_EQ(parse_b3_multi({kTrace, kSpan, "true", ""})->sampling, B3Sampling::kAccept);
  EXPECT_EQ(parse_b3_multi({kTrace, kSpan, "false", ""})->sampling, B3Sampling::kDeny);
  EXPECT_EQ(parse_b3_multi({kTrace, kSpan, "", ""})->sampling, B3Sampling::kDefer);
  EXPECT_EQ(parse_b3_multi({kTrace, kSpan, "0", "1"})->sampling, B3Sampling::kDebug);
  EXPECT_FALSE(parse_b3_multi({"", "", "0", ""})->has_ids());
}

TEST(B3Multi, RefusesHalvesAndNothing) {
  EXPECT_FALSE(parse_b3_multi({}));
  EXPECT_FALSE(parse_b3_multi({kTrace, "", "1", ""}));
  EXPECT_FALSE(parse_b3_multi({"", kSpan, "1", ""}));
  EXPECT_FALSE(parse_b3_multi({kTrace, kSpan, "d", ""}));
  EXPECT_FALSE(parse_b3_multi({kTrace, kSpan, "1", "2"}));
  EXPECT_FALSE(parse_b3_multi({kTrace, std::string(16, '0'), "1", ""}));
}

TEST(B3Context, LeavesOnlyADeferredDecisionToUs) {
  B3Context b3{kTraceId, kSpanId, B3Sampling::kDefer};
  EXPECT_TRUE(b3.context(true).sampled);
  EXPECT_FALSE(b3.context(false).sampled);
  b3.sampling = B3Sampling::kDeny;
  EXPECT_FALSE(b3.context(true).sampled);
  b3.sampling = B3Sampling::kDebug;
  EXPECT_TRUE(b3.context(false).sampled);
  EXPECT_EQ(b3.context(false).trace_id, kTraceId);
}

}  // namespace
}  // namespace tocsin::telemetry
