#include "gateway/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <thread>

namespace tocsin::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kBounds[] = {0.1, 1, 10};

std::string label(std::string_view value) { return std::string(value); }

TEST(Metrics, ExposesEachTypeInTheTextFormat) {
  Metrics metrics(1);
  metrics.counters("tocsin_requests_total", "Requests", {"listener", "code"})
      .with({"public", "200"})
      .add(3);
  metrics.gauge("tocsin_connections", "Open connections").set(2.5);
  Histogram& histogram = metrics.histogram("tocsin_seconds", "Durations", kBounds);
  histogram.observe(0.05);
  histogram.observe(5.0);
  histogram.observe(50.0);
  EXPECT_EQ(metrics.expose(),
            "# HELP tocsin_connections Open connections\n"
            "# TYPE tocsin_connections gauge\n"
            "tocsin_connections 2.5\n"
            "# HELP tocsin_requests_total Requests\n"
            "# TYPE tocsin_requests_total counter\n"
            "tocsin_requests_total{listener=\"public\",code=\"200\"} 3\n"
            "# HELP tocsin_seconds Durations\n"
            "# TYPE tocsin_seconds histogram\n"
            "tocsin_seconds_count 3\n"
            "tocsin_seconds_sum 55.05\n"
            "tocsin_seconds_bucket{le=\"0.1\"} 1\n"
            "tocsin_seconds_bucket{le=\"1\"} 1\n"
            "tocsin_seconds_bucket{le=\"10\"} 2\n"
            "tocsin_seconds_bucket{le=\"+Inf\"} 3\n");
}

TEST(Metrics, GivesTheSameFamilyAndChildAgain) {
  Metrics metrics(1);
  auto& family = metrics.counters("a_total", "A", {"k"});
  EXPECT_EQ(&family, &metrics.counters("a_total", "Said otherwise", {"k"}));
  EXPECT_EQ(&family.with({"x"}), &family.with({label("x")}));
  EXPECT_NE(&family.with({"x"}), &family.with({"y"}));
}

TEST(Metrics, RefusesANameThatIsTakenByAnotherMetric) {
  Metrics metrics(1);
  const std::string_view key[] = {"k"};
  const double other[] = {1, 2};
  ASSERT_TRUE(metrics.declare_gauges("a", "A", key).has_value());
  ASSERT_TRUE(metrics.declare_histograms("h", "H", kBounds).has_value());
  EXPECT_EQ(metrics.declare_gauges("a", "A").error().code, Code::kExists);
  EXPECT_EQ(metrics.declare_histograms("a", "A", kBounds, key).error().code, Code::kExists);
  EXPECT_EQ(metrics.declare_histograms("h", "H", other).error().code, Code::kExists);
  EXPECT_EQ(metrics.declare_callback(MetricType::kGauge, "a", "A", {{"k", "v"}}, [] { return 0.0; })
                .error()
                .code,
            Code::kExists);
}

TEST(Metrics, RefusesWhatPromtoolWouldComplainAbout) {
  Metrics metrics(1);
  const auto refused = [&](std::string_view name, std::string_view help = "Help") {
    const auto result = metrics.declare_gauges(name, help);
    return !result.has_value() && result.error().code == Code::kInvalid;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("1a"));
  EXPECT_TRUE(refused("a-b"));
  EXPECT_TRUE(refused("a:b"));
  EXPECT_TRUE(refused("a\nb 1"));
  EXPECT_TRUE(refused("__a"));
  EXPECT_TRUE(refused("a_count"));
  EXPECT_TRUE(refused("a_sum"));
  EXPECT_TRUE(refused("a_bucket"));
  EXPECT_TRUE(refused("a_total"));
  EXPECT_TRUE(refused(std::string(129, 'a')));
  EXPECT_TRUE(refused("a", ""));
  EXPECT_TRUE(refused("a", "two\nlines"));
  EXPECT_TRUE(refused("a", "back\\slash"));
  EXPECT_TRUE(refused("a", "\xff"));
  EXPECT_FALSE(metrics.declare_counters("a", "Not a total").has_value());
  EXPECT_EQ(metrics.expose(), "");
}

TEST(Metrics, RefusesUnfitLabelKeys) {
  Metrics metrics(1);
  const auto refused = [&](std::vector<std::string_view> keys) {
    return !metrics.declare_gauges("a", "A", keys).has_value();
  };
  EXPECT_TRUE(refused({""}));
  EXPECT_TRUE(refused({"a b"}));
  EXPECT_TRUE(refused({"__name__"}));
  EXPECT_TRUE(refused({"le"}));
  EXPECT_TRUE(refused({"quantile"}));
  EXPECT_TRUE(refused({"x", "y", "x"}));
  EXPECT_TRUE(refused({"a", "b", "c", "d", "e", "f", "g", "h", "i"}));
  EXPECT_FALSE(refused({"a", "b", "c", "d", "e", "f", "g", "h"}));
}

TEST(Metrics, RefusesBoundsThatDoNotAscend) {
  Metrics metrics(1);
  const auto refused = [&](std::vector<double> bounds) {
    return !metrics.declare_histograms("h", "H", bounds).has_value();
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({1, 1}));
  EXPECT_TRUE(refused({2, 1}));
  EXPECT_TRUE(refused({1, INFINITY}));
  EXPECT_TRUE(refused({NAN}));
  EXPECT_TRUE(refused(std::vector<double>(kHistogramBoundsMax + 1, 1)));
  EXPECT_FALSE(refused({1, 2}));
}

TEST(Metrics, BoundsTheNumberOfFamilies) {
  Metrics metrics(1);
  for (std::size_t i = 0; i < kMetricFamiliesMax; ++i) {
    ASSERT_TRUE(metrics.declare_gauges("a" + std::to_string(i), "A").has_value());
  }
  EXPECT_EQ(metrics.declare_gauges("one_more", "A").error().code, Code::kFull);
  EXPECT_TRUE(metrics.declare_gauges("a7", "A").has_value());
}

TEST(Metrics, CountsChildrenBeyondTheLimitUnderOther) {
  Metrics metrics(1);
  auto& family = metrics.counters("a_total", "A", {"who", "what"});
  for (std::size_t i = 0; i < kMetricChildrenMax; ++i) family.with({std::to_string(i), "x"}).add();
  Counter& other = family.with({"late", "x"});
  EXPECT_EQ(&other, &family.with({"later", "y"}));
  EXPECT_NE(&other, &family.with({"7", "x"}));
  other.add(5);
  const std::string text = metrics.expose();
  EXPECT_THAT(text, HasSubstr("a_total{who=\"other\",what=\"other\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("tocsin_metric_labels_refused_total{metric=\"a_total\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("late")));
}

TEST(Metrics, CountsUnfitLabelValuesUnderOther) {
  Metrics metrics(1);
  auto& family = metrics.counters("a_total", "A", {"who"});
  Counter& other = family.with({"other"});
  EXPECT_EQ(&other, &family.with({"\xff"}));
  EXPECT_EQ(&other, &family.with({std::string(kMetricLabelBytesMax + 1, 'x')}));
  EXPECT_NE(&other, &family.with({std::string(kMetricLabelBytesMax, 'x')}));
}

TEST(Metrics, EscapesLabelValues) {
  Metrics metrics(1);
  metrics.counters("a_total", "A", {"who"}).with({"a\"b\\c\nd"}).add();
  EXPECT_THAT(metrics.expose(), HasSubstr("a_total{who=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Metrics, KeepsReferencesValidWhileGrowing) {
  Metrics metrics(2);
  auto& family = metrics.counters("a_total", "A", {"k"});
  std::vector<Counter*> counters;
  for (std::size_t i = 0; i < 900; ++i) {
    counters.push_back(&family.with({std::to_string(i)}));
    counters.back()->add(i);
  }
  for (std::size_t i = 0; i < counters.size(); ++i) EXPECT_EQ(counters[i]->value(), i);
}

TEST(MetricCallback, IsReadAtEachScrapeAndGoneWithItsHandle) {
  Metrics metrics(1);
  double value = 1;
  {
    const MetricCallback handle =
        metrics.callback(MetricType::kGauge, "a", "A", {{"loop", "0"}}, [&value] { return value; });
    EXPECT_THAT(metrics.expose(), HasSubstr("a{loop=\"0\"} 1\n"));
    value = 2;
    EXPECT_THAT(metrics.expose(), HasSubstr("a{loop=\"0\"} 2\n"));
  }
  EXPECT_EQ(metrics.expose(), "");
}

TEST(MetricCallback, SharesANameByLabelValuesOnly) {
  Metrics metrics(1);
  const auto read = [] { return 1.0; };
  auto first = metrics.declare_callback(MetricType::kGauge, "a", "A", {{"loop", "0"}}, read);
  auto second = metrics.declare_callback(MetricType::kGauge, "a", "A", {{"loop", "1"}}, read);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(
      metrics.declare_callback(MetricType::kGauge, "a", "A", {{"loop", "1"}}, read).error().code,
      Code::kExists);
  second.value() = MetricCallback();
  EXPECT_TRUE(
      metrics.declare_callback(MetricType::kGauge, "a", "A", {{"loop", "1"}}, read).has_value());
  EXPECT_EQ(metrics.declare_gauges("a", "A", std::vector<std::string_view>{"loop"}).error().code,
            Code::kExists);
}

TEST(MetricCallback, MovesItsRegistration) {
  Metrics metrics(1);
  MetricCallback kept;
  {
    MetricCallback handle =
        metrics.callback(MetricType::kCounter, "a_total", "A", {}, [] { return 7.0; });
    kept = std::move(handle);
  }
  EXPECT_THAT(metrics.expose(), HasSubstr("a_total 7\n"));
}

TEST(Histogram, PutsABoundIntoItsOwnBucket) {
  Metrics metrics(1);
  Histogram& histogram = metrics.histogram("h", "H", kBounds);
  for (const double value : {0.1, 0.100001, 1.0, 10.0, 10.1}) histogram.observe(value);
  EXPECT_EQ(histogram.read().counts, (std::vector<std::uint64_t>{1, 2, 1, 1}));
}

TEST(Histogram, TakesDurationsAsSecondsAndIgnoresNan) {
  Metrics metrics(1);
  Histogram& histogram = metrics.histogram("h", "H", kBounds);
  histogram.observe(std::chrono::milliseconds(500));
  histogram.observe(NAN);
  EXPECT_EQ(histogram.read().counts, (std::vector<std::uint64_t>{0, 1, 0, 0}));
  EXPECT_EQ(histogram.read().sum, 0.5);
}

TEST(Histogram, AgreesWithCountingByHand) {
  Metrics metrics(1);
  Histogram& histogram = metrics.histogram("h", "H", kLatencyBounds);
  std::mt19937_64 random(11);
  std::exponential_distribution<double> times(2.0);
  std::vector<std::uint64_t> expected(std::size(kLatencyBounds) + 1);
  for (int i = 0; i < 5000; ++i) {
    const double value = times(random);
    const auto* bound =
        std::lower_bound(std::begin(kLatencyBounds), std::end(kLatencyBounds), value);
    ++expected[static_cast<std::size_t>(bound - std::begin(kLatencyBounds))];
    histogram.observe(value);
  }
  EXPECT_EQ(histogram.read().counts, expected);
}

TEST(Gauge, AddsUpWhatLoopsMoved) {
  Metrics metrics(2);
  Gauge& gauge = metrics.gauge("open", "Open");
  gauge.add(3);
  {
    const ShardClaim claim(metrics, 0);
    gauge.subtract();
  }
  {
    const ShardClaim claim(metrics, 1);
    gauge.subtract(0.5);
  }
  EXPECT_EQ(gauge.value(), 1.5);
}

TEST(ShardClaim, WritesOnlyIntoTheMetricsItClaimed) {
  Metrics first(1);
  Metrics second(1);
  Counter& in_first = first.counter("a_total", "A");
  Counter& in_second = second.counter("a_total", "A");
  const ShardClaim outer(first, 0);
  {
    const ShardClaim inner(second, 0);
    in_first.add(1);
    in_second.add(10);
  }
  in_first.add(2);
  in_second.add(20);
  EXPECT_EQ(in_first.value(), 3U);
  EXPECT_EQ(in_second.value(), 30U);
}

TEST(ShardClaimDeathTest, RefusesASecondClaim) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Metrics metrics(1);
  const ShardClaim claim(metrics, 0);
  EXPECT_DEATH(ShardClaim(metrics, 0), "claimed twice");
  EXPECT_DEATH(ShardClaim(metrics, 1), "beyond");
}

TEST(Metrics, LosesNothingBetweenLoopsAndOtherThreads) {
  constexpr std::size_t kLoops = 2;
  constexpr std::uint64_t kTimes = 20'000;
  Metrics metrics(kLoops);
  Counter& counter = metrics.counter("a_total", "A");
  Gauge& gauge = metrics.gauge("g", "G");
  Histogram& histogram = metrics.histogram("h", "H", kBounds);
  const auto work = [&] {
    for (std::uint64_t i = 0; i < kTimes; ++i) {
      counter.add();
      gauge.add(i % 2 == 0 ? 2 : -1);
      histogram.observe(0.5);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t loop = 0; loop < kLoops; ++loop) {
    threads.emplace_back([&, loop] {
      const ShardClaim claim(metrics, loop);
      work();
    });
  }
  for (int i = 0; i < 2; ++i) threads.emplace_back(work);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(metrics.expose(), HasSubstr("h_bucket"));
    metrics.counters("b_total", "B", {"k"}).with({std::to_string(i)}).add();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4 * kTimes);
  EXPECT_EQ(gauge.value(), 4 * kTimes / 2.0);
  EXPECT_EQ(histogram.read().counts[1], 4 * kTimes);
  EXPECT_EQ(histogram.read().sum, 4 * kTimes * 0.5);
}

}  // namespace
}  // namespace tocsin::telemetry
