// A chunked body against a decoder that does nothing but follow the grammar of RFC 9112 7.1 over
// the whole text: both must find the same end, the same body, or both a fault.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/text.h"
#include "tests/unit/http/request_recorder.h"

namespace {

enum class Verdict { kWhole, kMore, kBroken };

constexpr std::size_t kBodyMax = 256;

/// Reads text_ from the front; every rule says whether it matched, ran out of text, or broke.
class ChunkedReader {
 public:
  explicit ChunkedReader(std::string_view text) : text_(text) {}

  Verdict read() {
    while (true) {
      std::uint64_t size = 0;
      if (const Verdict v = chunk_line(size); v != Verdict::kWhole) return v;
      if (size == 0) return trailers();
      if (const Verdict v = chunk_data(size); v != Verdict::kWhole) return v;
    }
  }
  const std::string& body() const { return body_; }
  std::size_t used() const { return at_; }

 private:
  bool over() const { return at_ == text_.size(); }
  char next() { return text_[at_++]; }
  char peek() const { return text_[at_]; }

  Verdict crlf() {
    if (over()) return Verdict::kMore;
    if (next() != '\r') return Verdict::kBroken;
    if (over()) return Verdict::kMore;
    return next() == '\n' ? Verdict::kWhole : Verdict::kBroken;
  }

  static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }

  Verdict chunk_line(std::uint64_t& size) {
    std::size_t digits = 0;
    while (!over() && hex(peek()) >= 0) {
      if (size >> 60 != 0) return Verdict::kBroken;
      size = size * 16 + static_cast<std::uint64_t>(hex(next()));
      ++digits;
    }
    if (over()) return Verdict::kMore;
    if (digits == 0) return Verdict::kBroken;
    while (!over() && peek() == ';') {
      ++at_;
      if (const Verdict v = extension(); v != Verdict::kWhole) return v;
    }
    return crlf();
  }

  Verdict token(std::size_t& length) {
    while (!over() && tocsin::http::is_token(text_.substr(at_, 1))) {
      ++at_;
      ++length;
    }
    return over() ? Verdict::kMore : Verdict::kWhole;
  }

  // No white space around names and values, and an empty value passes: so strict, and so lenient,
  // is the parser.
  Verdict extension() {
    std::size_t name = 0;
    if (const Verdict v = token(name); v != Verdict::kWhole) return v;
    if (name == 0) return Verdict::kBroken;
    if (peek() != '=') return Verdict::kWhole;
    ++at_;
    if (over()) return Verdict::kMore;
    if (peek() == '"') return quoted();
    std::size_t value = 0;
    return token(value);
  }

  static bool quotable(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
  }

  Verdict quoted() {
    ++at_;
    while (!over()) {
      const char c = next();
      if (c == '"') {
        if (over()) return Verdict::kMore;
        return peek() == ';' || peek() == '\r' ? Verdict::kWhole : Verdict::kBroken;
      }
      if (c == '\\') {
        if (over()) return Verdict::kMore;
        if (!quotable(next())) return Verdict::kBroken;
      } else if (!quotable(c)) {
        return Verdict::kBroken;
      }
    }
    return Verdict::kMore;
  }

  Verdict chunk_data(std::uint64_t size) {
    while (size-- > 0) {
      if (over()) return Verdict::kMore;
      if (body_.size() == kBodyMax) return Verdict::kBroken;
      body_ += next();
    }
    return crlf();
  }

  Verdict trailers() {
    while (true) {
      if (over()) return Verdict::kMore;
      if (peek() == '\r') return crlf();
      if (const Verdict v = field(); v != Verdict::kWhole) return v;
    }
  }

  Verdict field() {
    const std::size_t begin = at_;
    std::size_t length = 0;
    if (const Verdict v = token(length); v != Verdict::kWhole) return v;
    if (next() != ':' || length == 0) return Verdict::kBroken;
    const std::string_view name = text_.substr(begin, length);
    for (const char* other : {"content-length", "transfer-encoding"}) {
      if (tocsin::equals_ignoring_case(name, other)) return Verdict::kBroken;
    }
    while (!over() && quotable(peek())) ++at_;
    if (const Verdict v = crlf(); v != Verdict::kWhole) return v;
    if (over()) return Verdict::kMore;
    if (peek() == ' ' || peek() == '\t') return Verdict::kBroken;  // folded
    return allowed(name) ? Verdict::kWhole : Verdict::kBroken;
  }

  static bool allowed(std::string_view name) {
    for (const char* other : {"host", "connection", "trailer", "te", "upgrade", "expect",
                              "content-type", "content-encoding", "authorization"}) {
      if (tocsin::equals_ignoring_case(name, other)) return false;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string body_;
};

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kWhole:
      return "whole";
    case Verdict::kMore:
      return "not at its end";
    case Verdict::kBroken:
      return "broken";
  }
  return "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8 * 1024)
    return 0;  // beyond lies the bound on framing, which the grammar does not know
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ChunkedReader reader(text);
  const Verdict expected = reader.read();

  tocsin::http::RequestLimits limits;
  limits.body_bytes_max = kBodyMax;
  limits.header_count_max = 128;
  tocsin::http::RequestRecorder recorder(limits);
  const std::string_view head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  recorder.feed(head);
  // Byte by byte, to see exactly where the message ends.
  std::size_t fed = 0;
  while (fed < text.size() && recorder.requests() == 0 && recorder.status() == 0)
    recorder.feed(text.substr(fed++, 1));
  // The parser may need to see one byte more before it says so.
  if (expected == Verdict::kBroken && recorder.status() == 0) recorder.feed("a");

  Verdict found = Verdict::kMore;
  if (recorder.status() != 0) found = Verdict::kBroken;
  if (recorder.requests() > 0) found = Verdict::kWhole;
  if (recorder.status() == 431) return 0;  // more trailers than the table holds
  const bool same_body = recorder.body() == reader.body() || found == Verdict::kBroken;
  const bool same_end = found != Verdict::kWhole || fed == reader.used();
  if (found != expected || !same_body || !same_end) {
    std::cerr << "parser: " << name_of(found) << " after " << fed
              << ", grammar: " << name_of(expected) << " after " << reader.used() << "\n"
              << recorder.detail() << "\n";
    std::abort();
  }
  return 0;
}
