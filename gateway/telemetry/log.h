#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/telemetry/log_field.h"
#include "gateway/telemetry/sink.h"

namespace tocsin::telemetry {

/// How much a line of the process's own log matters. Not the level of a notification, which has
/// notice and emergency too.
enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kCritical, kOff };

/// "trace" .. "critical", "off".
std::string_view log_level_name(LogLevel level);
/// The names above and the aliases "warn" and "fatal"; ASCII case is ignored.
std::optional<LogLevel> parse_log_level(std::string_view name);

enum class LogFormat : std::uint8_t {
  kJson,         ///< one object a line
  kText,         ///< for people: time, level, logger, message, key=value
  kColoredText,  ///< the same with terminal colours
};

/// A longer queue survives longer stalls of the disk and costs about 400 bytes a line at start.
inline constexpr std::size_t kLogQueueLinesMax = 1024;

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kJson;
  std::size_t queue_lines_max = kLogQueueLinesMax;
};

/// The process's log. One object, passed by reference to whoever logs; any thread may write. The
/// caller formats its line into a bounded queue and goes on; one background thread writes. When the
/// queue is full the oldest line gives way: it is counted, and a later line tells how many.
///
/// Write through TOCSIN_LOG, which evaluates nothing while the level is off. Create and destroy on
/// the control thread, when no other thread logs any more; the destructor writes what is queued.
class Log {
 public:
  /// `clock` stamps the lines and must outlive the log.
  Log(std::unique_ptr<ByteSink> sink, const LogOptions& options,
      const Clock& clock = SystemClock::instance());
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool enabled(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }
  LogLevel level() const { return level_.load(std::memory_order_relaxed); }
  /// From any thread; lines already queued are written whatever their level.
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

  /// Queues one line whatever the level says. `logger` is the room or plugin that speaks. Text is
  /// escaped; what exceeds the limits of log_line.h is cut. Never blocks on output.
  void write(LogLevel level, std::string_view logger, std::string_view message,
             std::span<const LogField> fields) noexcept;
  void write(LogLevel level, std::string_view logger, std::string_view message,
             std::initializer_list<LogField> fields = {}) noexcept {
    write(level, logger, message, std::span<const LogField>(fields.begin(), fields.size()));
  }

  /// Waits until every line queued before the call is written or given up; false when `limit`
  /// passed first. Blocks: for the control thread and for a process about to end.
  bool flush(Duration limit);

  /// Opens the sink's path again after a rotation. Safe while lines are being written.
  Result<void> reopen();

  /// Lines that a full queue pushed out, and lines and writes that the sink failed.
  std::uint64_t lines_dropped() const;
  std::uint64_t lines_lost() const;
  std::uint64_t write_errors() const;

 private:
  struct Backend;

  std::atomic<LogLevel> level_;
  const LogFormat format_;
  const Clock& clock_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace tocsin::telemetry

/// TOCSIN_LOG(log, kWarning, "http", "accept failed", {"error", error.text()}, {"fd", fd});
/// Nothing after the level is evaluated while the level is off.
#define TOCSIN_LOG(log, level, logger, message, ...)                                     \
  do {                                                                                   \
    if ((log).enabled(::tocsin::telemetry::LogLevel::level)) [[unlikely]]                \
      (log).write(::tocsin::telemetry::LogLevel::level, logger, message, {__VA_ARGS__}); \
  } while (false)
