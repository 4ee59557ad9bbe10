#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/event/loop.h"
#include "gateway/http/filter.h"
#include "gateway/proxy/route_table.h"
#include "gateway/telemetry/line_log.h"

namespace tocsin::proxy {

/// One loop's way into an access log file: lines gather in a buffer that is handed to the writer
/// when full and shortly after the first line. An idle loop is not woken.
class AccessLogWriter {
 public:
  AccessLogWriter(event::Loop& loop, telemetry::LineLog& log)
      : buffer_(log), flush_(loop.timers(), [this] { buffer_.flush(); }) {}

  /// `cut`: some field of it lacks its end.
  void append(std::string_view line, bool cut) {
    if (cut) buffer_.note_cut();
    buffer_.append(line);
    if (!flush_.armed()) flush_.arm_after(kFlushAfter);
  }

 private:
  static constexpr Duration kFlushAfter = std::chrono::milliseconds(200);
  telemetry::LineBuffer buffer_;
  event::Timer flush_;
};

/// The time of a line in the combined format, "[31/Jan/2026:23:59:59 +0000]", made anew once a
/// second.
class CommonTime {
 public:
  std::string_view text(WallTime when);

 private:
  std::array<char, 40> text_{};
  std::size_t length_ = 0;
  std::chrono::sys_seconds second_{};
};

enum class AccessLogFormat : std::uint8_t { kJson, kCombined };

/// Writes one line for every exchange when it is over, and for every request that was refused
/// before a route saw it. Whatever a client sends, there is a line: fields that would be too long
/// are cut, end in telemetry::kCutMark, and in JSON the line has `"truncated":true`.
class AccessLogFilterFactory final : public http::HttpFilterFactory, public RefusalHook {
 public:
  /// `writer` belongs to the same loop and outlives the factory.
  AccessLogFilterFactory(std::string listener, AccessLogFormat format, AccessLogWriter& writer)
      : listener_(std::move(listener)), format_(format), writer_(writer) {}

  http::HttpFilter* create(Arena& arena) override;
  void note_refused(const http::Exchange& exchange, http::DoneFlags flags) override;

  /// The longest of each field, escaped. Together they leave room for the rest of a line.
  static constexpr std::size_t kTargetBytesMax = 8 * 1024;
  static constexpr std::size_t kAgentBytesMax = 2 * 1024;  ///< the referrer too
  static constexpr std::size_t kHostBytesMax = 1024;
  static constexpr std::size_t kMethodBytesMax = 64;
  static constexpr std::size_t kRouteBytesMax = 1024;

  /// Called by its filters.
  void write(const http::Exchange& exchange, http::DoneFlags flags);

 private:
  const std::string listener_;
  const AccessLogFormat format_;
  AccessLogWriter& writer_;
  std::string line_;  // keeps its memory from line to line
  CommonTime time_;
};

}  // namespace tocsin::proxy
