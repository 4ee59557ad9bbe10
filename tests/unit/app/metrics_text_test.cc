#include "gateway/app/metrics_text.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

TEST(MetricsText, SumsTheSeriesThatHaveTheLabels) {
  const MetricsText metrics = MetricsText::read(
      "# HELP a_total What it is.\n"
      "# TYPE a_total counter\n"
      "a_total{output=\"mail\",result=\"delivered\"} 3\n"
      "a_total{output=\"sms\",result=\"delivered\"} 4.5\n"
      "a_total{output=\"sms\",result=\"dead\"} 1e1\n"
      "b 7\n");
  EXPECT_EQ(metrics.sum("a_total"), 17.5);
  EXPECT_EQ(metrics.sum("a_total", {{"result", "delivered"}}), 7.5);
  EXPECT_EQ(metrics.sum("a_total", {{"result", "dead"}, {"output", "sms"}}), 10);
  EXPECT_EQ(metrics.sum("a_total", {{"result", "lost"}}), std::nullopt);
  EXPECT_EQ(metrics.sum("b"), 7);
  EXPECT_EQ(metrics.sum("c"), std::nullopt);
}

TEST(MetricsText, ReadsValuesWithEscapes) {
  const MetricsText metrics = MetricsText::read("a{of=\"x\\\"},\\\\y\\n\"} 1");
  EXPECT_EQ(metrics.sum("a", {{"of", "x\"},\\y\n"}}), 1);
}

TEST(MetricsText, LeavesOutWhatIsNoSample) {
  const MetricsText metrics = MetricsText::read("a\nb{\nc{x=1} 2\nd{x=\"1\n\ne x\nf{} 1\n");
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    EXPECT_EQ(metrics.sum(name), std::nullopt) << name;
  }
  EXPECT_EQ(metrics.sum("f"), 1);
}

}  // namespace
}  // namespace tocsin::app
