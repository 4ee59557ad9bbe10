#include "gateway/app/access_logs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gateway/event/loop.h"

namespace tocsin::app {
namespace {

using namespace std::chrono_literals;

class AccessLogsTest : public testing::Test {
 protected:
  AccessLogsTest() {
    std::filesystem::create_directories(folder);
    EXPECT_TRUE(logs.open(first));
    EXPECT_TRUE(logs.open(second));
  }
  ~AccessLogsTest() override { std::filesystem::remove_all(folder); }

  static std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) /
                                       ("tocsin-access-logs-" + std::to_string(::getpid()));
  const std::string first = folder / "first.log";
  const std::string second = folder / "second.log";
  telemetry::Metrics metrics{1};
  AccessLogs logs{metrics};
  event::Loop loop;
  LoopAccessLogs writers{loop, logs};
};

TEST_F(AccessLogsTest, ThatNobodyNamesAreWrittenToTheirEndAndClosed) {
  writers.at(first).append("one", false);
  writers.at(second).append("two", false);
  writers.keep_only({first});
  auto others = logs.take_others({first});
  ASSERT_EQ(others.size(), 1U);
  others.clear();
  EXPECT_EQ(text_of(second), "two\n");
  // The other one goes on with the line that waits for its company.
  EXPECT_EQ(text_of(first), "");
  writers.keep_only({});
  EXPECT_TRUE(logs.flush(10s));
  EXPECT_EQ(text_of(first), "one\n");
}

TEST_F(AccessLogsTest, MayBeNamedAgain) {
  logs.take_others({first}).clear();
  EXPECT_TRUE(logs.open(second));
  writers.at(second).append("again", false);
  writers.keep_only({});
  EXPECT_TRUE(logs.flush(10s));
  EXPECT_EQ(text_of(second), "again\n");
}

}  // namespace
}  // namespace tocsin::app
