#include "gateway/telemetry/process_metrics.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace tocsin::telemetry {
namespace {

class ProcessMetricsTest : public ::testing::Test {
 protected:
  double value(const std::string& name) {
    const std::string text = metrics_.expose();
    const std::size_t at = text.find("\n" + name + " ");
    EXPECT_NE(at, std::string::npos) << text;
    return std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  }

  Metrics metrics_{1};
  std::vector<MetricCallback> handles_ = declare_process_metrics(metrics_, "1.2.3");
};

TEST_F(ProcessMetricsTest, TellsTheBuild) {
  EXPECT_THAT(metrics_.expose(), ::testing::HasSubstr("tocsin_build_info{version=\"1.2.3\"} 1\n"));
}

TEST_F(ProcessMetricsTest, CountsOpenDescriptors) {
  const double before = value("process_open_fds");
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(value("process_open_fds"), before + 1);
  close(fd);
  EXPECT_EQ(value("process_open_fds"), before);
  EXPECT_GE(value("process_max_fds"), before);
}

TEST_F(ProcessMetricsTest, StartedBeforeNowAndNotLongAgo) {
  const double started = value("process_start_time_seconds");
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(started, now + 2);
  EXPECT_GE(started, now - 3600);
}

TEST_F(ProcessMetricsTest, UsesCpuAndMemory) {
  const double before = value("process_cpu_seconds_total");
  EXPECT_GT(before, 0);
  EXPECT_GE(value("process_cpu_seconds_total"), before);
  EXPECT_GT(value("process_resident_memory_bytes"), 100 * 1024);
}

}  // namespace
}  // namespace tocsin::telemetry
