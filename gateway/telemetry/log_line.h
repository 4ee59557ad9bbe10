#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/log_field.h"

namespace tocsin::telemetry {

/// Longest message and string value, in bytes before escaping; the rest is cut at a character.
inline constexpr std::size_t kLogTextBytesMax = 1024;
/// Longest logger name and field key.
inline constexpr std::size_t kLogNameBytesMax = 64;
/// Longest line. Fields that no longer fit are left out, and `truncated` says so.
inline constexpr std::size_t kLogLineBytesMax = 8 * 1024;

struct LogLine {
  WallTime time;
  LogLevel level;
  std::string_view logger;
  std::string_view message;
  std::span<const LogField> fields;
};

/// Appends the line and its newline:
///   {"time":"2026-01-01T00:00:00.000Z","level":"info","logger":"http","message":"...","key":...}
/// or 2026-01-01T00:00:00.000Z INFO     http: ... key=value
/// Whatever the text holds, a line is one line, valid JSON or free of control characters.
void append_log_line(std::string& out, const LogLine& line, LogFormat format);

}  // namespace tocsin::telemetry
