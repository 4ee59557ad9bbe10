#include "gateway/telemetry/line_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "gateway/telemetry/log_metrics.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Only ever reached by a test that fails.
constexpr Duration kLong = std::chrono::seconds(60);

class LineLogTest : public ::testing::Test {
 protected:
  void start(std::size_t bytes_max = kLineLogBytesMax) {
    log_ = std::make_unique<LineLog>(std::make_unique<TestSink>(state_), bytes_max);
  }

  std::shared_ptr<SinkState> state_ = std::make_shared<SinkState>();
  std::unique_ptr<LineLog> log_;
};

TEST_F(LineLogTest, WritesNothingBeforeAChunkIsFullOrFlushed) {
  start();
  LineBuffer buffer(*log_);
  buffer.append("one");
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_EQ(state_->writes(), 0);
  buffer.append("two");
  buffer.flush();
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_EQ(state_->text(), "one\ntwo\n");
  EXPECT_EQ(state_->writes(), 1);
}

TEST_F(LineLogTest, HandsOverAFullChunkByItself) {
  start();
  LineBuffer buffer(*log_);
  const std::string line(1023, 'x');
  for (int i = 0; i < 32; ++i) buffer.append(line);
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_EQ(state_->text().size(), 31U * 1024U);
}

TEST_F(LineLogTest, FlushOfAnEmptyBufferIsNothing) {
  start();
  LineBuffer buffer(*log_);
  buffer.flush();
  buffer.flush();
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_EQ(state_->writes(), 0);
}

TEST_F(LineLogTest, WritesWhatIsLeftWhenBufferAndLogEnd) {
  start();
  {
    LineBuffer buffer(*log_);
    buffer.append("last words");
  }
  log_.reset();
  EXPECT_EQ(state_->text(), "last words\n");
}

TEST_F(LineLogTest, BuildsALineInPlace) {
  start();
  LineBuffer buffer(*log_);
  const std::span<char> room = buffer.prepare(5);
  ASSERT_GE(room.size(), 5U);
  std::copy_n("hello", 5, room.data());
  buffer.commit(5);
  buffer.flush();
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_EQ(state_->text(), "hello\n");
}

TEST_F(LineLogTest, TakesTheLongestLineAndCutsALongerOne) {
  start();
  LineBuffer buffer(*log_);
  buffer.append(std::string(kLineBytesMax, 'x'));
  EXPECT_EQ(log_->lines_cut(), 1U);
  for (int i = 0; i < 3; ++i) buffer.append(std::string(kLineBytesMax - 1, 'y'));
  buffer.flush();
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_EQ(log_->lines_cut(), 1U);
  EXPECT_EQ(log_->lines_dropped(), 0U);
  EXPECT_EQ(state_->text().size(), 4 * kLineBytesMax);
  EXPECT_EQ(state_->lines().front().substr(kLineBytesMax - 5), "x...");
}

TEST_F(LineLogTest, DropsNewLinesWhileTheDiskStallsAndThenGoesOn) {
  start(2 * kLineChunkBytes);
  LineBuffer buffer(*log_);
  state_->close();
  buffer.append("first");
  buffer.flush();
  state_->wait_for_writer();
  buffer.append("second");
  buffer.flush();
  buffer.append("no chunk is left");
  EXPECT_EQ(buffer.prepare(1).size(), 0U);
  EXPECT_EQ(log_->lines_dropped(), 2U);
  EXPECT_FALSE(log_->flush(Duration::zero()));

  state_->open();
  ASSERT_TRUE(log_->flush(kLong));
  buffer.append("third");
  buffer.flush();
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_THAT(state_->lines(), ElementsAre("first", "second", "third"));
  EXPECT_EQ(log_->lines_dropped(), 2U);
}

TEST_F(LineLogTest, OneChunkIsTheLeastItHolds) {
  start(1);
  LineBuffer buffer(*log_);
  buffer.append("fits");
  buffer.flush();
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_EQ(state_->text(), "fits\n");
}

TEST_F(LineLogTest, CountsWhatAFullDiskTookAndStartsAFreshLine) {
  start();
  LineBuffer buffer(*log_);
  buffer.append("aaaa");
  buffer.append("bbbb");
  state_->fail_next({7, ENOSPC});
  buffer.flush();
  buffer.append("cccc");
  buffer.flush();
  ASSERT_TRUE(log_->flush(kLong));
  EXPECT_THAT(state_->lines(), ElementsAre("aaaa", "bb", "cccc"));
  EXPECT_EQ(log_->lines_lost(), 1U);
  EXPECT_EQ(log_->write_errors(), 1U);
  EXPECT_EQ(log_->bytes_written(), 12U);
}

TEST_F(LineLogTest, RecyclesItsChunks) {
  start(2 * kLineChunkBytes);
  LineBuffer buffer(*log_);
  for (int i = 0; i < 100; ++i) {
    buffer.append(std::to_string(i));
    buffer.flush();
    ASSERT_TRUE(log_->flush(kLong));
  }
  EXPECT_EQ(log_->lines_dropped(), 0U);
  EXPECT_EQ(state_->lines().size(), 100U);
}

TEST_F(LineLogTest, ReopensItsSink) {
  start();
  ASSERT_TRUE(log_->reopen().has_value());
  EXPECT_EQ(state_->reopens(), 1);
}

TEST_F(LineLogTest, ShowsItsLossesAsMetrics) {
  start();
  Metrics metrics(1);
  const auto handles = declare_log_metrics(metrics, "access", *log_);
  LineBuffer buffer(*log_);
  buffer.append(std::string(kLineBytesMax, 'x'));
  EXPECT_THAT(
      metrics.expose(),
      HasSubstr("tocsin_log_lines_dropped_total{log=\"access\",reason=\"queue_full\"} 0\n"));
  EXPECT_THAT(metrics.expose(), HasSubstr("tocsin_log_lines_cut_total{log=\"access\"} 1\n"));
}

TEST_F(LineLogTest, KeepsEachLoopsLinesWholeAndInOrder) {
  constexpr int kLoops = 3;
  constexpr int kLines = 5000;
  start();
  std::vector<std::thread> loops;
  for (int loop = 0; loop < kLoops; ++loop) {
    loops.emplace_back([this, loop] {
      LineBuffer buffer(*log_);
      for (int i = 0; i < kLines; ++i) {
        buffer.append(std::to_string(loop) + " " + std::to_string(i));
        if (i % 777 == 0) buffer.flush();
        if (i % 1999 == 0) (void)log_->reopen();
      }
    });
  }
  for (std::thread& loop : loops) loop.join();
  ASSERT_TRUE(log_->flush(kLong));
  std::map<int, int> next;
  for (const std::string& line : state_->lines()) {
    int loop = -1;
    int number = -1;
    ASSERT_EQ(std::sscanf(line.c_str(), "%d %d", &loop, &number), 2) << line;
    EXPECT_EQ(number, next[loop]++);
  }
  for (int loop = 0; loop < kLoops; ++loop) EXPECT_EQ(next[loop], kLines);
}

}  // namespace
}  // namespace tocsin::telemetry
