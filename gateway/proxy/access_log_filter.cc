// json:      {"time":"2026-01-31T23:59:59.999Z","listener":"public","client":"192.0.2.7:5123",...}
// combined:  192.0.2.7 - - [31/Jan/2026:23:59:59 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/7.88"
//
// Durations are milliseconds with three decimals. What the client sent is escaped, so a line is
// always one line.
#include "gateway/proxy/access_log_filter.h"

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

void append_json_line(std::string& out, std::string_view listener, const http::Exchange& exchange,
                      http::DoneFlags flags) {
  const http::RequestHead& request = exchange.request();
  const http::ExchangeFacts& facts = exchange.facts();
  // The clock, not the tick's instant: most answers are made within one tick.
  const MonoTime now = exchange.loop().clock().mono();
  out += "{\"time\":\"";
  telemetry::append_timestamp(out, exchange.loop().wall());
  out += '"';
  append_text_field(out, "listener", listener);
  if (!facts.route.empty()) append_text_field(out, "route", facts.route);
  append_text_field(out, "client", exchange.peer().text());
  append_text_field(out, "method", request.method);
  append_text_field(out, "host", request.authority);
  append_text_field(out, "target", request.target);
  append_text_field(out, "protocol", request.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1");
  append_number_field(out, "status", static_cast<std::uint64_t>(facts.status));
  append_number_field(out, "request_bytes", facts.request_bytes);
  append_number_field(out, "response_bytes", facts.response_bytes);
  append_duration_field(out, "duration_ms", now - facts.began);
  if (facts.status != 0)
    append_duration_field(out, "first_byte_ms", facts.answer_began - facts.began);
  if (!facts.request_id.empty()) append_text_field(out, "request_id", facts.request_id);
  if (!facts.trace_id.empty()) append_text_field(out, "trace_id", facts.trace_id);
  if (const auto agent = request.headers.find("user-agent"))
    append_text_field(out, "user_agent", *agent);
  append_flags(out, flags);
  out += '}';
}

// As nginx does: what could end the quotes or the line becomes \xHH.
void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      out.append("\\x");
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  out += '"';
}

void append_common_time(std::string& out, WallTime when) {
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(when));
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[40];
  const int length =
      std::snprintf(text, sizeof(text), "[%02d/%s/%04d:%02d:%02d:%02d +0000]", utc.tm_mday,
                    kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  out.append(text, static_cast<std::size_t>(length));
}

void append_combined_line(std::string& out, const http::Exchange& exchange) {
  const http::RequestHead& request = exchange.request();
  const http::ExchangeFacts& facts = exchange.facts();
  out.append(exchange.peer().ip()).append(" - - ");
  append_common_time(out, exchange.loop().wall());
  std::string request_line(request.method);
  request_line.append(" ").append(request.target);
  request_line.append(request.minor_version == 0 ? " HTTP/1.0" : " HTTP/1.1");
  out += ' ';
  append_quoted(out, request_line);
  out += ' ';
  append_number(out, static_cast<std::uint64_t>(facts.status));
  out += ' ';
  append_number(out, facts.response_bytes);
  out += ' ';
  append_quoted(out, request.headers.find("referer").value_or("-"));
  out += ' ';
  append_quoted(out, request.headers.find("user-agent").value_or("-"));
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

http::HttpFilter* AccessLogFilterFactory::create(Arena& arena) {
  void* place = arena.allocate(sizeof(AccessLogFilter), alignof(AccessLogFilter));
  return place == nullptr ? nullptr : new (place) AccessLogFilter(*this);
}

void AccessLogFilterFactory::note_refused(const http::Exchange& exchange) {
  write(exchange, {.local_answer = true, .malformed = true});
}

void AccessLogFilterFactory::write(const http::Exchange& exchange, http::DoneFlags flags) {
  line_.clear();
  if (format_ == AccessLogFormat::kJson) {
    append_json_line(line_, listener_, exchange, flags);
  } else {
    append_combined_line(line_, exchange);
  }
  writer_.append(line_);
}

}  // namespace tocsin::proxy
