#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace tocsin::telemetry {

/// How far a write came: `bytes` were taken, and `error_number` (errno) says why it stopped; 0
/// means everything was taken.
struct Written {
  std::size_t bytes = 0;
  int error_number = 0;
};

/// Where finished bytes go: a file, a standard stream, a test's memory. write() is called by one
/// thread at a time and may block; reopen() may be called by another thread meanwhile.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Written write(std::string_view bytes) = 0;
  /// Opens the same path again, for log rotation by rename. On failure the old file stays in use.
  /// Does nothing where there is no path.
  virtual Result<void> reopen() = 0;
};

/// Appends to `path`, created with mode 0640 when absent. A named pipe must have a reader.
Result<std::unique_ptr<ByteSink>> open_file_sink(std::string path);
/// The process must ignore SIGPIPE, so that a reader who left is an error and not the end.
std::unique_ptr<ByteSink> standard_output_sink();
std::unique_ptr<ByteSink> standard_error_sink();

/// Writes whole lines to a sink and keeps the account of what a failing sink cost. After a write
/// that broke inside a line the next one starts on a fresh line, so a reader meets at most one torn
/// line for each fault. One thread writes; the counts may be read by any.
class LineWriter {
 public:
  explicit LineWriter(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {}

  /// `lines` ends in a newline. What the sink did not take is given up and counted.
  void write(std::string_view lines);
  Result<void> reopen() { return sink_->reopen(); }

  std::uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }
  std::uint64_t lines_lost() const { return lines_lost_.load(std::memory_order_relaxed); }
  std::uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }
  /// errno of the last write that failed; 0: none has.
  int last_error() const { return last_error_.load(std::memory_order_relaxed); }

 private:
  std::unique_ptr<ByteSink> sink_;
  bool torn_ = false;
  std::atomic<std::uint64_t> bytes_written_{0};
  std::atomic<std::uint64_t> lines_lost_{0};
  std::atomic<std::uint64_t> errors_{0};
  std::atomic<int> last_error_{0};
};

}  // namespace tocsin::telemetry
