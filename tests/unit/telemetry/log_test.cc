#include "gateway/telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "gateway/telemetry/log_metrics.h"
#include "tests/unit/telemetry/flat_json.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Only ever reached by a test that fails.
constexpr Duration kLong = std::chrono::seconds(60);

class LogTest : public ::testing::Test {
 protected:
  void start(LogOptions options = {}) {
    log_ = std::make_unique<Log>(std::make_unique<TestSink>(state_), options, clock_);
  }
  // Lets one line stand before the closed gate, so that the queue behind it fills predictably.
  void stall() {
    state_->close();
    log_->write(LogLevel::kInfo, "test", "stalled");
    state_->wait_for_writer();
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> messages;
    for (const std::string& line : state_->lines()) {
      messages.push_back(FlatJson(line).string("message"));
    }
    return messages;
  }

  ManualClock clock_;
  std::shared_ptr<SinkState> state_ = std::make_shared<SinkState>();
  std::unique_ptr<Log> log_;
};

TEST_F(LogTest, StampsWithTheClockItWasGiven) {
  start();
  clock_.advance(std::chrono::milliseconds(1234));
  TOCSIN_LOG(*log_, kError, "http", "broken", {"fd", 3});
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_THAT(state_->lines(),
              ElementsAre("{\"time\":\"2026-01-01T00:00:01.234Z\",\"level\":\"error\","
                          "\"logger\":\"http\",\"message\":\"broken\",\"fd\":3}"));
}

TEST_F(LogTest, EvaluatesNothingWhileTheLevelIsOff) {
  start({.level = LogLevel::kWarning});
  int evaluated = 0;
  const auto argument = [&] { return ++evaluated; };
  TOCSIN_LOG(*log_, kInfo, "test", "quiet", {"n", argument()});
  EXPECT_EQ(evaluated, 0);
  log_->set_level(LogLevel::kInfo);
  TOCSIN_LOG(*log_, kInfo, "test", "loud", {"n", argument()});
  EXPECT_EQ(evaluated, 1);
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_THAT(messages(), ElementsAre("loud"));
}

TEST_F(LogTest, IsSilentWhenOff) {
  start({.level = LogLevel::kOff});
  TOCSIN_LOG(*log_, kCritical, "test", "nothing");
  log_.reset();
  EXPECT_EQ(state_->text(), "");
}

TEST_F(LogTest, WritesWhatIsQueuedBeforeItEnds) {
  start();
  stall();
  for (int i = 0; i < 100; ++i) TOCSIN_LOG(*log_, kInfo, "test", "line");
  state_->open();
  log_.reset();
  EXPECT_EQ(state_->lines().size(), 101U);
}

TEST_F(LogTest, PushesOutTheOldestLinesAndTellsHowMany) {
  start({.queue_lines_max = 4});
  stall();
  for (int i = 0; i < 10; ++i) TOCSIN_LOG(*log_, kInfo, "test", std::to_string(i));
  EXPECT_EQ(log_->lines_dropped(), 6U);
  state_->open();
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_THAT(messages(),
              ElementsAre("stalled", "log lines were dropped because the queue was full", "6", "7",
                          "8", "9"));
  EXPECT_THAT(state_->lines()[1], HasSubstr("\"dropped\":6,\"dropped_total\":6}"));
}

TEST_F(LogTest, ReportsDroppedLinesOnceASecondAndTheRestAtTheEnd) {
  start({.queue_lines_max = 1});
  for (int round = 0; round < 3; ++round) {
    stall();
    for (int i = 0; i < 3; ++i) TOCSIN_LOG(*log_, kInfo, "test", std::to_string(i));
    state_->open();
    ASSERT_TRUE(log_->flush(kLong));
  }
  log_.reset();
  const std::string report = "log lines were dropped because the queue was full";
  EXPECT_THAT(messages(),
              ElementsAre("stalled", report, "2", "stalled", "2", "stalled", "2", report));
  EXPECT_THAT(state_->lines().back(), HasSubstr("\"dropped\":4,\"dropped_total\":6}"));
}

TEST_F(LogTest, NeverWaitsForAStalledSink) {
  start({.queue_lines_max = 8});
  stall();
  // Returns at all only because writing does not wait for the gate.
  for (int i = 0; i < 10'000; ++i) TOCSIN_LOG(*log_, kInfo, "test", "flood");
  EXPECT_FALSE(log_->flush(Duration::zero()));
  state_->open();
  EXPECT_TRUE(log_->flush(kLong));
  EXPECT_EQ(log_->lines_dropped(), 10'000U - 8U);
}

TEST_F(LogTest, CountsWhatTheSinkRefused) {
  start();
  state_->fail_next({0, ENOSPC});
  TOCSIN_LOG(*log_, kInfo, "test", "lost");
  TOCSIN_LOG(*log_, kInfo, "test", "kept");
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_THAT(messages(), ElementsAre("kept"));
  EXPECT_EQ(log_->lines_lost(), 1U);
  EXPECT_EQ(log_->write_errors(), 1U);
}

TEST_F(LogTest, ReopensItsSink) {
  start();
  ASSERT_TRUE(log_->reopen().has_value());
  EXPECT_EQ(state_->reopens(), 1);
}

TEST_F(LogTest, ShowsItsLossesAsMetrics) {
  start({.queue_lines_max = 1});
  Metrics metrics(1);
  const auto handles = declare_log_metrics(metrics, "main", *log_);
  stall();
  for (int i = 0; i < 4; ++i) TOCSIN_LOG(*log_, kInfo, "test", "x");
  state_->fail_next({0, EIO});
  state_->open();
  ASSERT_TRUE(log_->flush(kLong));
  const std::string text = metrics.expose();
  EXPECT_THAT(text,
              HasSubstr("tocsin_log_lines_dropped_total{log=\"main\",reason=\"queue_full\"} 3\n"));
  EXPECT_THAT(
      text, HasSubstr("tocsin_log_lines_dropped_total{log=\"main\",reason=\"write_failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tocsin_log_write_errors_total{log=\"main\"} 1\n"));
}

TEST_F(LogTest, KeepsLinesOfManyThreadsWhole) {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  start({.queue_lines_max = kThreads * kLines});
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kLines; ++i) {
        if (i % 100 == 0) log_->set_level(i % 200 == 0 ? LogLevel::kInfo : LogLevel::kDebug);
        TOCSIN_LOG(*log_, kInfo, "test", std::to_string(t * kLines + i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(log_->flush(kLong));
  const auto written = messages();
  EXPECT_EQ(written.size(), static_cast<std::size_t>(kThreads * kLines));
  EXPECT_EQ(std::set<std::string>(written.begin(), written.end()).size(), written.size());
}

TEST_F(LogTest, AccountsForEveryLineOfManyThreadsWhileFlushed) {
  constexpr int kThreads = 3;
  constexpr int kLines = 2000;
  start({.queue_lines_max = 16});
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kLines; ++i) TOCSIN_LOG(*log_, kInfo, "test", "line");
      --running;
    });
  }
  while (running > 0) EXPECT_TRUE(log_->flush(kLong));
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(log_->flush(kLong));
  const auto written = messages();
  const auto lines = static_cast<std::uint64_t>(std::count(written.begin(), written.end(), "line"));
  EXPECT_EQ(lines + log_->lines_dropped(), static_cast<std::uint64_t>(kThreads * kLines));
}

TEST(LogLevelNames, ReadBackAndKnowTheirAliases) {
  for (int i = 0; i <= static_cast<int>(LogLevel::kOff); ++i) {
    const auto level = static_cast<LogLevel>(i);
    EXPECT_EQ(parse_log_level(log_level_name(level)), level);
  }
  EXPECT_EQ(parse_log_level("WARN"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("Fatal"), LogLevel::kCritical);
  EXPECT_EQ(parse_log_level("notice"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
}

}  // namespace
}  // namespace tocsin::telemetry
