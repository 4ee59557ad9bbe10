#include "gateway/telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>

namespace tocsin::telemetry {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// /proc files are small; a longer one is cut, and then its fields are unknown.
std::string read_proc(const char* path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"), std::fclose);
  std::string text(std::size_t{64} * 1024, '\0');
  text.resize(file ? std::fread(text.data(), 1, text.size(), file.get()) : 0);
  return text;
}

double cpu_seconds() {
  timespec used{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return kUnknown;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

double resident_bytes() {
  unsigned long size = 0;
  unsigned long resident = 0;
  const std::string text = read_proc("/proc/self/statm");
  if (std::sscanf(text.c_str(), "%lu %lu", &size, &resident) != 2) return kUnknown;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_fds() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end;
       !error && entry != end; entry.increment(error)) {
    ++count;
  }
  // The directory that was read is open itself.
  return error ? kUnknown : count - 1;
}

double max_fds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUnknown;
  return static_cast<double>(limit.rlim_cur);
}

// Ticks from boot to our start: field 22 of /proc/self/stat. Field 2, the program's name in
// parentheses, may hold anything, so fields are counted from the last parenthesis.
double start_ticks() {
  const std::string text = read_proc("/proc/self/stat");
  std::size_t at = text.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  unsigned long long ticks = 0;
  if (at == std::string::npos || std::sscanf(text.c_str() + at, "%llu", &ticks) != 1) {
    return kUnknown;
  }
  return static_cast<double>(ticks);
}

double boot_time() {
  const std::string text = read_proc("/proc/stat");
  const std::size_t at = text.find("\nbtime ");
  unsigned long long seconds = 0;
  if (at == std::string::npos || std::sscanf(text.c_str() + at, " btime %llu", &seconds) != 1) {
    return kUnknown;
  }
  return static_cast<double>(seconds);
}

double start_time() {
  return boot_time() + start_ticks() / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::vector<MetricCallback> declare_process_metrics(Metrics& metrics, std::string_view version) {
  std::vector<MetricCallback> handles;
  const auto add = [&](MetricType type, std::string_view name, std::string_view help,
                       double (*read)()) {
    handles.push_back(metrics.callback(type, name, help, {}, read));
  };
  add(MetricType::kCounter, "process_cpu_seconds_total", "User and system CPU time spent",
      cpu_seconds);
  add(MetricType::kGauge, "process_resident_memory_bytes", "Resident memory", resident_bytes);
  add(MetricType::kGauge, "process_open_fds", "Open file descriptors", open_fds);
  add(MetricType::kGauge, "process_max_fds", "Most file descriptors the process may open", max_fds);
  // Read once: a corrected wall clock would move what the kernel says about boot.
  handles.push_back(metrics.callback(MetricType::kGauge, "process_start_time_seconds",
                                     "When the process started, in seconds since 1970", {},
                                     [started = start_time()] { return started; }));
  metrics.gauges("tocsin_build_info", "Always 1; the labels tell the build", {"version"})
      .with({version})
      .set(1);
  return handles;
}

}  // namespace tocsin::telemetry
