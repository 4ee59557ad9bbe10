#include "gateway/telemetry/sink.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::telemetry {
namespace {

class FileSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tocsin-sink-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const char* name) const { return folder_ / name; }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
};

TEST_F(FileSinkTest, AppendsToWhatIsThere) {
  std::ofstream(path("log")) << "before\n";
  const auto sink = open_file_sink(path("log")).value();
  const Written written = sink->write("after\n");
  EXPECT_EQ(written.bytes, 6U);
  EXPECT_EQ(written.error_number, 0);
  EXPECT_EQ(content(path("log")), "before\nafter\n");
}

TEST_F(FileSinkTest, NamesThePathThatCannotBeOpened) {
  const auto sink = open_file_sink(path("missing/log"));
  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().code, Code::kNotFound);
  EXPECT_EQ(sink.error().where, path("missing/log"));
}

TEST_F(FileSinkTest, WritesToTheNewFileAfterARotation) {
  const auto sink = open_file_sink(path("log")).value();
  sink->write("one\n");
  std::filesystem::rename(path("log"), path("log.1"));
  sink->write("two\n");
  ASSERT_TRUE(sink->reopen().has_value());
  sink->write("three\n");
  EXPECT_EQ(content(path("log.1")), "one\ntwo\n");
  EXPECT_EQ(content(path("log")), "three\n");
}

TEST_F(FileSinkTest, KeepsTheOldFileWhenReopeningFails) {
  std::filesystem::create_directory(path("sub"));
  const auto sink = open_file_sink(path("sub/log")).value();
  std::filesystem::rename(path("sub"), path("gone"));
  EXPECT_FALSE(sink->reopen().has_value());
  sink->write("still here\n");
  EXPECT_EQ(content(path("gone/log")), "still here\n");
}

TEST_F(FileSinkTest, DoesNotLeakDescriptorsByReopening) {
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto sink = open_file_sink(path("log")).value();
  const auto before = count();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sink->reopen().has_value());
  EXPECT_EQ(count(), before);
}

TEST(FileSink, ReportsAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
  const auto sink = open_file_sink("/dev/full").value();
  const Written written = sink->write("line\n");
  EXPECT_EQ(written.bytes, 0U);
  EXPECT_EQ(written.error_number, ENOSPC);
}

class LineWriterTest : public ::testing::Test {
 protected:
  std::shared_ptr<SinkState> state_ = std::make_shared<SinkState>();
  LineWriter writer_{std::make_unique<TestSink>(state_)};
};

TEST_F(LineWriterTest, CountsTheLinesThatAFaultCost) {
  state_->fail_next({4, ENOSPC});
  writer_.write("one\ntwo\nthree\n");
  EXPECT_EQ(writer_.lines_lost(), 2U);
  EXPECT_EQ(writer_.errors(), 1U);
  EXPECT_EQ(writer_.bytes_written(), 4U);
}

TEST_F(LineWriterTest, GoesOnWithoutABlankLineAfterAFaultBetweenLines) {
  state_->fail_next({4, ENOSPC});
  writer_.write("one\ntwo\n");
  writer_.write("three\n");
  EXPECT_EQ(state_->text(), "one\nthree\n");
}

TEST_F(LineWriterTest, EndsATornLineBeforeTheNextOne) {
  state_->fail_next({5, EIO});
  writer_.write("one\ntwo\n");
  writer_.write("three\n");
  EXPECT_EQ(state_->text(), "one\nt\nthree\n");
  EXPECT_EQ(writer_.lines_lost(), 1U);
}

TEST_F(LineWriterTest, KeepsTheTornLineInMindWhileTheDiskStaysFull) {
  state_->fail_next({1, ENOSPC});
  writer_.write("one\n");
  state_->fail_next({0, ENOSPC});
  writer_.write("two\n");
  writer_.write("three\n");
  EXPECT_EQ(state_->text(), "o\nthree\n");
  EXPECT_EQ(writer_.lines_lost(), 2U);
  EXPECT_EQ(writer_.errors(), 2U);
}

}  // namespace
}  // namespace tocsin::telemetry
