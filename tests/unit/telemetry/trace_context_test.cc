#include "gateway/telemetry/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace tocsin::telemetry {
namespace {

const std::string kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string format(const TraceContext& context) {
  const auto text = format_traceparent(context);
  return {text.data(), text.size()};
}

TEST(Traceparent, ReadsIdsAndFlags) {
  const auto context = parse_traceparent(kParent);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, (TraceId{0x0af7651916cd43dd, 0x8448eb211c80319c}));
  EXPECT_EQ(context->span_id, SpanId{0xb7ad6b7169203331});
  EXPECT_TRUE(context->sampled);
  EXPECT_FALSE(context->random);
  EXPECT_EQ(format(*context), kParent);
}

TEST(Traceparent, PassesOnOnlyTheFlagsItKnows) {
  std::string parent = kParent;
  parent.replace(53, 2, "ff");
  EXPECT_EQ(format(parse_traceparent(parent).value()).substr(53), "03");
  parent.replace(53, 2, "fc");
  EXPECT_EQ(format(parse_traceparent(parent).value()).substr(53), "00");
}

TEST(Traceparent, RefusesIdsOfZeros) {
  std::string parent = kParent;
  parent.replace(3, 32, std::string(32, '0'));
  EXPECT_FALSE(parse_traceparent(parent));
  parent = kParent;
  parent.replace(36, 16, std::string(16, '0'));
  EXPECT_FALSE(parse_traceparent(parent));
  parent = kParent;
  parent.replace(3, 16, std::string(16, '0'));
  EXPECT_TRUE(parse_traceparent(parent));
}

TEST(Traceparent, RefusesVersionFfAndAcceptsLaterOnes) {
  EXPECT_FALSE(parse_traceparent("ff" + kParent.substr(2)));
  EXPECT_TRUE(parse_traceparent("cc" + kParent.substr(2)));
  EXPECT_TRUE(parse_traceparent("01" + kParent.substr(2) + "-what-comes-later"));
  EXPECT_TRUE(parse_traceparent("01" + kParent.substr(2) + "-"));
  EXPECT_FALSE(parse_traceparent("01" + kParent.substr(2) + ".what"));
  EXPECT_FALSE(parse_traceparent(kParent + "-what"));
  EXPECT_FALSE(parse_traceparent(kParent + "-"));
}

TEST(Traceparent, RefusesEveryCutAndEveryWrongCharacter) {
  for (std::size_t size = 0; size < kParent.size(); ++size) {
    EXPECT_FALSE(parse_traceparent(kParent.substr(0, size))) << size;
  }
  for (std::size_t i = 0; i < kParent.size(); ++i) {
    for (const char wrong : {'A', 'F', 'g', ' ', '\0', '/', ':', '_'}) {
      std::string parent = kParent;
      parent[i] = wrong;
      EXPECT_FALSE(parse_traceparent(parent)) << i << " " << wrong;
    }
  }
}

TEST(TraceContext, StartsARandomTraceAndKeepsItInChildren) {
  IdSource ids(1);
  const TraceContext root = TraceContext::start(ids, true);
  EXPECT_TRUE(root.trace_id.valid() && root.span_id.valid() && root.random);
  const TraceContext child = root.child(ids);
  EXPECT_EQ(child.trace_id, root.trace_id);
  EXPECT_NE(child.span_id, root.span_id);
  EXPECT_EQ(child.sampled, root.sampled);
}

TEST(TraceContext, ReadsBackWhatItWrote) {
  IdSource ids(2);
  for (int i = 0; i < 1000; ++i) {
    TraceContext context = TraceContext::start(ids, i % 2 == 0);
    context.random = i % 3 == 0;
    EXPECT_EQ(parse_traceparent(format(context)), context);
  }
}

}  // namespace
}  // namespace tocsin::telemetry
