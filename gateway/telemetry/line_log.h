#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/telemetry/sink.h"

namespace tocsin::telemetry {

/// Lines travel from a loop to the writer in chunks of this size.
inline constexpr std::size_t kLineChunkBytes = 32 * 1024;
/// The longest line, newline included; a longer one is cut and counted.
inline constexpr std::size_t kLineBytesMax = 16 * 1024;
/// All memory a LineLog ever holds: reached only while the disk stalls.
inline constexpr std::size_t kLineLogBytesMax = 2 * 1024 * 1024;

/// What stands where a line or a field of one was cut.
inline constexpr std::string_view kCutMark = "...";

class LineBuffer;

/// A log of ready-made lines, such as an access log, fed by several loops: each fills chunks of its
/// own LineBuffer without a lock, and one background thread writes them in large pieces. When the
/// disk stalls, memory stays within `bytes_max` and new lines are dropped and counted.
///
/// Lines of one loop keep their order; lines of different loops interleave by chunk. Chunks are
/// recycled, so the steady state does not allocate. Destroyed after the last LineBuffer, by a
/// thread that may block: the destructor writes what was handed over.
class LineLog {
 public:
  /// `bytes_max` is rounded down to whole chunks, and one chunk is the least.
  explicit LineLog(std::unique_ptr<ByteSink> sink, std::size_t bytes_max = kLineLogBytesMax);
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  /// Opens the sink's path again after a rotation. From any thread.
  Result<void> reopen() { return writer_.reopen(); }

  /// Waits until everything handed over before the call is written or given up; false when `limit`
  /// passed first. Blocks: for the control thread.
  bool flush(Duration limit);

  /// Lines that found no room, lines that were cut, and lines, writes and bytes of the sink. From
  /// any thread.
  std::uint64_t lines_dropped() const { return lines_dropped_.load(std::memory_order_relaxed); }
  std::uint64_t lines_cut() const { return lines_cut_.load(std::memory_order_relaxed); }
  std::uint64_t lines_lost() const { return writer_.lines_lost(); }
  std::uint64_t write_errors() const { return writer_.errors(); }
  /// errno of the last write that failed; 0: none has.
  int last_error() const { return writer_.last_error(); }
  std::uint64_t bytes_written() const { return writer_.bytes_written(); }

 private:
  friend class LineBuffer;

  struct Chunk {
    std::size_t used = 0;
    char bytes[kLineChunkBytes - sizeof(std::size_t)];
  };
  using ChunkPtr = std::unique_ptr<Chunk>;

  /// An empty chunk, or null when all memory is in use.
  ChunkPtr take_chunk();
  void hand_over(ChunkPtr chunk);
  void give_back(ChunkPtr chunk);
  void write_until_stopped();

  LineWriter writer_;
  const std::size_t chunks_max_;
  std::atomic<std::uint64_t> lines_dropped_{0};
  std::atomic<std::uint64_t> lines_cut_{0};
  std::atomic<int> buffers_{0};

  std::mutex mutex_;  // guards what follows; never held during a write
  std::condition_variable handed_over_changed_;
  std::condition_variable written_changed_;
  std::vector<ChunkPtr> free_;
  std::vector<ChunkPtr> waiting_;  // in the order handed over
  std::size_t chunks_made_ = 0;
  std::uint64_t chunks_handed_over_ = 0;
  std::uint64_t chunks_written_ = 0;
  bool stopping_ = false;

  std::thread thread_;  // last: it uses everything above
};

/// One loop's end of a LineLog. Belongs to that loop's thread; costs a copy per line and one short
/// lock per chunk. The destructor hands over what is left.
class LineBuffer {
 public:
  explicit LineBuffer(LineLog& log);
  ~LineBuffer();
  LineBuffer(const LineBuffer&) = delete;
  LineBuffer& operator=(const LineBuffer&) = delete;

  /// Copies `line`, which has no newline, and ends it with one. What is too long ends in kCutMark.
  void append(std::string_view line);
  /// The line appended next was cut by whoever made it.
  void note_cut() { log_.lines_cut_.fetch_add(1, std::memory_order_relaxed); }

  /// Room to build a line in place: at least `bytes` (below kLineBytesMax) free bytes, or an empty
  /// span when memory ran out, and then the line counts as dropped. Valid until the next call.
  std::span<char> prepare(std::size_t bytes);
  /// Ends the line whose first `bytes` of the prepared room were filled, without a newline.
  void commit(std::size_t bytes);

  /// Hands over what is buffered; call it every 100 to 250 ms from the loop.
  void flush();

 private:
  LineLog& log_;
  LineLog::ChunkPtr chunk_;
};

}  // namespace tocsin::telemetry
