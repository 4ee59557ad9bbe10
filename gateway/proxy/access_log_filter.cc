// json:      {"time":"2026-01-31T23:59:59.999Z","listener":"public","client":"192.0.2.7:5123",...}
// combined:  192.0.2.7 - - [31/Jan/2026:23:59:59 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/7.88"
//
// Durations are milliseconds with three decimals. What the client sent is escaped, so a line is
// always one line, and cut where it is long, so there always is one.
#include "gateway/proxy/access_log_filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <new>

#include "gateway/base/text.h"
#include "gateway/telemetry/timestamp.h"

namespace tocsin::proxy {

namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

// What one byte becomes at most.
std::size_t json_cost(unsigned char c) {
  if (c >= 0x80) return 3;
  if (c < 0x20 || c == 0x7f) return 6;
  return c == '"' || c == '\\' ? 2 : 1;
}
bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }
std::size_t combined_cost(unsigned char c) { return is_plain(c) ? 1 : 4; }

// The front of `text` that surely fits when it is escaped, whole characters of UTF-8.
template <typename Cost>
std::string_view fitting(std::string_view text, std::size_t bytes_max, Cost cost) {
  constexpr std::size_t kMostCost = 6;
  if (text.size() <= bytes_max / kMostCost) return text;
  std::size_t spent = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    spent += cost(static_cast<unsigned char>(text[end]));
    if (spent > bytes_max) break;
    ++end;
  }
  if (end == text.size()) return text;
  for (int back = 0; back < 3 && end > 0 && (text[end] & 0xC0) == 0x80; ++back) --end;
  return text.substr(0, end);
}

// One line in the making.
struct Line {
  std::string& out;
  bool cut = false;
};

void append_text_field(Line& line, std::string_view key, std::string_view value,
                       std::size_t bytes_max) {
  line.out.append(",\"").append(key).append("\":");
  const std::string_view kept = fitting(value, bytes_max, json_cost);
  append_json_string(line.out, kept);
  if (kept.size() == value.size()) return;
  line.cut = true;
  line.out.pop_back();
  line.out.append(telemetry::kCutMark).append("\"");
}

void append_text_field(std::string& out, std::string_view key, std::string_view value) {
  out.append(",\"").append(key).append("\":");
  append_json_string(out, value);
}

void append_number_field(std::string& out, std::string_view key, std::uint64_t value) {
  out.append(",\"").append(key).append("\":");
  append_number(out, value);
}

void append_duration_field(std::string& out, std::string_view key, Duration value) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count() / 1000, 0));
  out.append(",\"").append(key).append("\":");
  append_number(out, us / 1000);
  const char decimals[] = {'.', static_cast<char>('0' + us / 100 % 10),
                           static_cast<char>('0' + us / 10 % 10), static_cast<char>('0' + us % 10)};
  out.append(decimals, sizeof(decimals));
}

// Why the exchange did not simply run its course; the names of DoneFlags.
void append_flags(std::string& out, http::DoneFlags flags) {
  const struct {
    bool set;
    std::string_view name;
  } all[] = {{flags.local_answer, "local_answer"},
             {flags.downstream_closed, "downstream_closed"},
             {flags.request_incomplete, "request_incomplete"},
             {flags.timed_out, "timed_out"},
             {flags.malformed, "malformed"},
             {flags.drained, "drained"}};
  bool any = false;
  for (const auto& flag : all) {
    if (!flag.set) continue;
    out.append(any ? "," : ",\"flags\":\"").append(flag.name);
    any = true;
  }
  if (any) out += '"';
}

std::string_view protocol_text(const http::RequestHead& request, std::array<char, 8>& room) {
  constexpr std::string_view kName = "HTTP/";
  std::copy(kName.begin(), kName.end(), room.begin());
  room[5] = static_cast<char>('0' + request.major_version % 10);
  room[6] = '.';
  room[7] = static_cast<char>('0' + request.minor_version % 10);
  return {room.data(), room.size()};
}

void append_json_line(Line& line, std::string_view listener, const http::Exchange& exchange,
                      http::DoneFlags flags) {
  using Limits = AccessLogFilterFactory;
  std::string& out = line.out;
  const http::RequestHead& request = exchange.request();
  const http::ExchangeFacts& facts = exchange.facts();
  std::array<char, 8> protocol;
  // The clock, not the tick's instant: most answers are made within one tick.
  const MonoTime now = exchange.loop().clock().mono();
  out += "{\"time\":\"";
  telemetry::append_timestamp(out, exchange.loop().wall());
  out += '"';
  append_text_field(out, "listener", listener);
  if (!facts.route.empty()) append_text_field(line, "route", facts.route, Limits::kRouteBytesMax);
  append_text_field(out, "client", exchange.peer().text());
  append_text_field(line, "method", request.method, Limits::kMethodBytesMax);
  append_text_field(line, "host", request.authority, Limits::kHostBytesMax);
  append_text_field(line, "target", request.target, Limits::kTargetBytesMax);
  append_text_field(out, "protocol", protocol_text(request, protocol));
  append_number_field(out, "status", static_cast<std::uint64_t>(facts.status));
  append_number_field(out, "request_bytes", facts.request_bytes);
  append_number_field(out, "response_bytes", facts.response_bytes);
  append_duration_field(out, "duration_ms", now - facts.began);
  if (facts.status != 0)
    append_duration_field(out, "first_byte_ms", facts.answer_began - facts.began);
  if (!facts.request_id.empty()) append_text_field(out, "request_id", facts.request_id);
  if (!facts.trace_id.empty()) append_text_field(out, "trace_id", facts.trace_id);
  if (const auto agent = request.headers.find("user-agent"))
    append_text_field(line, "user_agent", *agent, Limits::kAgentBytesMax);
  append_flags(out, flags);
  if (line.cut) out += ",\"truncated\":true";
  out += '}';
}

// As nginx does: what could end the quotes or the line becomes \xHH.
void append_escaped(Line& line, std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const std::string_view kept = fitting(text, bytes_max, combined_cost);
  std::size_t copied = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto byte = static_cast<unsigned char>(kept[i]);
    if (is_plain(byte)) continue;
    line.out.append(kept, copied, i - copied).append("\\x");
    line.out += kDigits[byte >> 4];
    line.out += kDigits[byte & 15];
    copied = i + 1;
  }
  line.out.append(kept, copied);
  if (kept.size() == text.size()) return;
  line.cut = true;
  line.out += telemetry::kCutMark;
}

void append_quoted(Line& line, std::string_view text, std::size_t bytes_max) {
  line.out += '"';
  append_escaped(line, text, bytes_max);
  line.out += '"';
}

void append_combined_line(Line& line, CommonTime& time, const http::Exchange& exchange) {
  using Limits = AccessLogFilterFactory;
  std::string& out = line.out;
  const http::RequestHead& request = exchange.request();
  const http::ExchangeFacts& facts = exchange.facts();
  std::array<char, 8> protocol;
  out.append(exchange.peer().ip()).append(" - - ").append(time.text(exchange.loop().wall()));
  out += " \"";
  append_escaped(line, request.method, Limits::kMethodBytesMax);
  out += ' ';
  append_escaped(line, request.target, Limits::kTargetBytesMax);
  out.append(" ").append(protocol_text(request, protocol)).append("\" ");
  append_number(out, static_cast<std::uint64_t>(facts.status));
  out += ' ';
  append_number(out, facts.response_bytes);
  out += ' ';
  append_quoted(line, request.headers.find("referer").value_or("-"), Limits::kAgentBytesMax);
  out += ' ';
  append_quoted(line, request.headers.find("user-agent").value_or("-"), Limits::kAgentBytesMax);
}

class AccessLogFilter final : public http::HttpFilter {
 public:
  explicit AccessLogFilter(AccessLogFilterFactory& factory) : factory_(factory) {}
  void done(http::FilterContext& context, http::DoneFlags flags) override {
    factory_.write(context.exchange(), flags);
  }

 private:
  AccessLogFilterFactory& factory_;
};

}  // namespace

std::string_view CommonTime::text(WallTime when) {
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto second = std::chrono::floor<std::chrono::seconds>(when);
  if (length_ == 0 || second != second_) {
    second_ = second;
    const std::time_t time = second.time_since_epoch().count();
    std::tm utc{};
    gmtime_r(&time, &utc);
    const int length = std::snprintf(
        text_.data(), text_.size(), "[%02d/%s/%04d:%02d:%02d:%02d +0000]", utc.tm_mday,
        kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    length_ = static_cast<std::size_t>(length);
  }
  return {text_.data(), length_};
}

http::HttpFilter* AccessLogFilterFactory::create(Arena& arena) {
  void* place = arena.allocate(sizeof(AccessLogFilter), alignof(AccessLogFilter));
  return place == nullptr ? nullptr : new (place) AccessLogFilter(*this);
}

void AccessLogFilterFactory::note_refused(const http::Exchange& exchange, http::DoneFlags flags) {
  write(exchange, flags);
}

void AccessLogFilterFactory::write(const http::Exchange& exchange, http::DoneFlags flags) {
  line_.clear();
  Line line{line_};
  if (format_ == AccessLogFormat::kJson) {
    append_json_line(line, listener_, exchange, flags);
  } else {
    append_combined_line(line, time_, exchange);
  }
  writer_.append(line_, line.cut);
}

}  // namespace tocsin::proxy
