#include "gateway/telemetry/log_line.h"

#include <charconv>
#include <cmath>
#include <variant>

#include "gateway/base/text.h"
#include "gateway/telemetry/timestamp.h"

namespace tocsin::telemetry {
namespace {

constexpr std::string_view kTruncatedJson = ",\"truncated\":true";
constexpr std::string_view kTruncatedText = " truncated=true";
constexpr std::size_t kLineEndBytes = kTruncatedJson.size() + sizeof("}\n") - 1;

// Cuts in front of a character, never inside one.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && bytes_max - end < 4 && (text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

template <typename Number>
void append_number(std::string& out, Number value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value);
  out.append(digits, end.ptr);
}

void append_milliseconds(std::string& out, Duration value) {
  const std::int64_t ns = value.count();
  if (ns % 1'000'000 == 0) return append_number(out, ns / 1'000'000);
  char digits[48];
  const auto end = std::to_chars(digits, digits + sizeof(digits), static_cast<double>(ns) / 1e6,
                                 std::chars_format::fixed, 3);
  out.append(digits, end.ptr);
}

// What looks the same in both formats; text differs.
struct AppendScalar {
  std::string& out;
  void operator()(std::int64_t value) const { append_number(out, value); }
  void operator()(std::uint64_t value) const { append_number(out, value); }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(Duration value) const { append_milliseconds(out, value); }
  void operator()(double value) const {
    // JSON has no infinity and no NaN.
    if (std::isfinite(value)) return append_number(out, value);
    out += "null";
  }
};

struct AppendJson : AppendScalar {
  using AppendScalar::operator();
  void operator()(std::string_view value) const {
    append_json_string(out, cut(value, kLogTextBytesMax));
  }
};

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7F; }

// Keeps a terminal from obeying what somebody else wrote: no control characters of ASCII, none of
// the C1 range that UTF-8 writes as C2 80 to C2 9F, and no bytes that are not UTF-8.
// Within quotes what could end them is escaped too, so that no value passes for further fields.
void append_printable(std::string& out, std::string_view text, bool in_quotes = false) {
  constexpr char kHex[] = "0123456789abcdef";
  const bool utf8 = is_utf8(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_control(c) || c1 || (c >= 0x80 && !utf8)) {
      out += "\\x";
      out += kHex[c >> 4];
      out += kHex[c & 15];
      if (c1 && utf8) {
        const auto second = static_cast<unsigned char>(text[++i]);
        out += "\\x";
        out += kHex[second >> 4];
        out += kHex[second & 15];
      }
    } else {
      if (in_quotes && (c == '"' || c == '\\')) out += '\\';
      out += static_cast<char>(c);
    }
  }
}

struct AppendText : AppendScalar {
  using AppendScalar::operator();
  void operator()(std::string_view value) const {
    const std::string_view kept = cut(value, kLogTextBytesMax);
    if (!kept.empty() && kept.find_first_of(" \"=\\") == std::string_view::npos) {
      return append_printable(out, kept);
    }
    out += '"';
    append_printable(out, kept, true);
    out += '"';
  }
};

void append_json_line(std::string& out, const LogLine& line) {
  const std::size_t begin = out.size();
  out += "{\"time\":\"";
  append_timestamp(out, line.time);
  out += "\",\"level\":\"";
  out += log_level_name(line.level);
  out += "\",\"logger\":";
  append_json_string(out, cut(line.logger, kLogNameBytesMax));
  out += ",\"message\":";
  append_json_string(out, cut(line.message, kLogTextBytesMax));
  for (const LogField& field : line.fields) {
    const std::size_t before = out.size();
    out += ',';
    append_json_string(out, cut(field.key(), kLogNameBytesMax));
    out += ':';
    std::visit(AppendJson{out}, field.value());
    if (out.size() - begin + kLineEndBytes <= kLogLineBytesMax) continue;
    out.resize(before);
    out += kTruncatedJson;
    break;
  }
  out += "}\n";
}

std::string_view padded_name(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return "TRACE   ";
    case LogLevel::kDebug:
      return "DEBUG   ";
    case LogLevel::kInfo:
      return "INFO    ";
    case LogLevel::kWarning:
      return "WARNING ";
    case LogLevel::kError:
      return "ERROR   ";
    case LogLevel::kCritical:
    case LogLevel::kOff:
      break;
  }
  return "CRITICAL";
}

std::string_view color(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
    case LogLevel::kDebug:
      return "\x1b[2m";
    case LogLevel::kInfo:
      return "\x1b[32m";
    case LogLevel::kWarning:
      return "\x1b[33m";
    case LogLevel::kError:
    case LogLevel::kCritical:
    case LogLevel::kOff:
      break;
  }
  return "\x1b[31m";
}

void append_text_line(std::string& out, const LogLine& line, bool colored) {
  const std::size_t begin = out.size();
  append_timestamp(out, line.time);
  out += ' ';
  if (colored) out += color(line.level);
  out += padded_name(line.level);
  if (colored) out += "\x1b[0m";
  out += ' ';
  append_printable(out, cut(line.logger, kLogNameBytesMax));
  out += ": ";
  append_printable(out, cut(line.message, kLogTextBytesMax));
  for (const LogField& field : line.fields) {
    const std::size_t before = out.size();
    out += ' ';
    append_printable(out, cut(field.key(), kLogNameBytesMax));
    out += '=';
    std::visit(AppendText{out}, field.value());
    if (out.size() - begin + kLineEndBytes <= kLogLineBytesMax) continue;
    out.resize(before);
    out += kTruncatedText;
    break;
  }
  out += '\n';
}

}  // namespace

void append_log_line(std::string& out, const LogLine& line, LogFormat format) {
  if (format == LogFormat::kJson) return append_json_line(out, line);
  append_text_line(out, line, format == LogFormat::kColoredText);
}

}  // namespace tocsin::telemetry
