#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"
#include "gateway/event/loop.h"
#include "gateway/proxy/access_log_filter.h"
#include "gateway/telemetry/line_log.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/log_limiter.h"
#include "gateway/telemetry/log_metrics.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// "stdout", "stderr" or a file to append to, as a sink.
Result<std::unique_ptr<telemetry::ByteSink>> open_sink(const std::string& output);

/// The access logs of the process, one for each path that some filter names, shared by all loops.
/// Control thread, but for at().
class AccessLogs {
 public:
  explicit AccessLogs(telemetry::Metrics& metrics) : metrics_(metrics) {}

  /// Opens the log of that path unless it is open.
  Result<void> open(const std::string& path);
  /// Any thread; what it answers stays until it is taken out.
  telemetry::LineLog& at(const std::string& path);
  /// Takes out the logs of all other paths, which no loop writes to any more. Whoever destroys one
  /// waits until it is written, which a stuck disk may never let happen.
  std::vector<std::unique_ptr<telemetry::LineLog>> take_others(const std::set<std::string>& paths);
  /// Waits until all that was handed over is written; false when `limit` passed first.
  bool flush(Duration limit);
  /// Says of each log that cost lines since it was last asked, how many and why. Not more often
  /// than kComplaintInterval for one log, or a full disk would fill the main log too.
  void complain(telemetry::Log& log, MonoTime now);
  static constexpr Duration kComplaintInterval = std::chrono::minutes(1);

  /// Opens every file again, after a rotation. The first that failed; the others are open.
  Result<void> reopen();

 private:
  struct OpenLog {
    std::unique_ptr<telemetry::LineLog> log;
    std::vector<telemetry::MetricCallback> metrics;
    std::uint64_t lost_told = 0;  // lines
    telemetry::LogLimiter complaints{1, kComplaintInterval};
  };
  telemetry::Metrics& metrics_;
  std::mutex mutex_;  // whoever changes logs_ or is not the control thread
  std::map<std::string, OpenLog> logs_;
};

/// One loop's writers into them. Belongs to that loop.
class LoopAccessLogs {
 public:
  LoopAccessLogs(event::Loop& loop, AccessLogs& logs) : loop_(loop), logs_(logs) {}
  proxy::AccessLogWriter& at(const std::string& path);
  /// Ends the writers into all other logs: what is left of them is handed over.
  void keep_only(const std::set<std::string>& paths);

 private:
  event::Loop& loop_;
  AccessLogs& logs_;
  std::map<std::string, std::unique_ptr<proxy::AccessLogWriter>> writers_;
};

/// The paths of all access_log filters of a configuration, with the place that names each first.
std::map<std::string, Place> access_log_paths(const Value& root);

/// Whether the logs of a configuration could be opened, without making a file: their folders are
/// there, and files or folders may be written.
config::Diagnostics check_log_paths(const Value& root);

}  // namespace tocsin::app
