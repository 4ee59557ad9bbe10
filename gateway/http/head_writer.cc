#include "gateway/http/head_writer.h"

#include <charconv>
#include <cstring>
#include <string>

#include "gateway/base/byte_scan.h"

namespace tocsin::http {

namespace {

// Builds text in room that was measured before.
class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  void put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put_number(std::uint64_t number, int base = 10) {
    at_ = std::to_chars(at_, at_ + kNumberMax, number, base).ptr;
  }
  void put_field(std::string_view name, std::string_view value) {
    put(name);
    put(": ");
    put(value);
    put("\r\n");
  }
  char* at() const { return at_; }
  static constexpr std::size_t kNumberMax = 20;

 private:
  char* at_;
};

// Status line, Date, framing fields and the empty line, generously.
constexpr std::size_t kFixedPart = 256;

std::size_t room_for(const HeaderMap& headers) {
  std::size_t bytes = kFixedPart;
  for (const Header& field : headers.all()) bytes += field.name.size() + field.value.size() + 4;
  return bytes;
}

void put_framing(Cursor& out, const HeadFraming& framing) {
  switch (framing.body) {
    case HeadFraming::Body::kLength:
      out.put("Content-Length: ");
      out.put_number(framing.length);
      out.put("\r\n");
      break;
    case HeadFraming::Body::kChunked:
      out.put("Transfer-Encoding: chunked\r\n");
      break;
    case HeadFraming::Body::kNone:
    case HeadFraming::Body::kUntilClose:
      break;
  }
  switch (framing.connection) {
    case HeadFraming::Connection::kClose:
      out.put("Connection: close\r\n");
      break;
    case HeadFraming::Connection::kKeepAlive:
      out.put("Connection: keep-alive\r\n");
      break;
    case HeadFraming::Connection::kUpgrade:
      out.put("Connection: upgrade\r\n");
      break;
    case HeadFraming::Connection::kDefault:
      break;
  }
}

bool may_leave(const Header& field) {
  return !is_framing_field(field.name) && !field.name.empty() &&
         !scan::holds_control_but_tab(field.name) && !scan::holds_control_but_tab(field.value);
}

char* put_response_head(char* at, const ResponseHead& head, const HeadFraming& framing,
                        std::string_view date) {
  Cursor out(at);
  out.put("HTTP/1.1 ");
  out.put_number(static_cast<std::uint64_t>(head.status));
  out.put(" ");
  out.put(reason_phrase(head.status));
  out.put("\r\n");
  if (!date.empty()) out.put_field("Date", date);
  for (const Header& field : head.headers.all()) {
    if (may_leave(field)) out.put_field(field.name, field.value);
  }
  put_framing(out, framing);
  out.put("\r\n");
  return out.at();
}

}  // namespace

bool is_framing_field(std::string_view name) {
  switch (name.size()) {
    case 4:
      return equals_ignoring_case(name, "date");
    case 10:
      return equals_ignoring_case(name, "connection") || equals_ignoring_case(name, "keep-alive");
    case 14:
      return equals_ignoring_case(name, "content-length");
    case 17:
      return equals_ignoring_case(name, "transfer-encoding");
    default:
      return false;
  }
}

bool write_response_head(event::Stream& stream, const ResponseHead& head,
                         const HeadFraming& framing, std::string_view date) {
  const std::size_t room = room_for(head.headers);
  if (room <= event::Stream::kReserveMax) {
    char* begin = stream.reserve(room);
    return stream.commit(
        static_cast<std::size_t>(put_response_head(begin, head, framing, date) - begin));
  }
  std::string text(room, '\0');
  text.resize(
      static_cast<std::size_t>(put_response_head(text.data(), head, framing, date) - text.data()));
  return stream.write(text);
}

bool write_last_chunk(event::Stream& stream, const HeaderMap* trailers) {
  if (trailers == nullptr || trailers->empty()) return stream.write("0\r\n\r\n");
  std::string text = "0\r\n";
  for (const Header& field : trailers->all()) {
    if (!may_leave(field)) continue;
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  text += "\r\n";
  return stream.write(text);
}

bool write_chunk_size(event::Stream& stream, std::size_t bytes) {
  char* begin = stream.reserve(Cursor::kNumberMax + 2);
  Cursor out(begin);
  out.put_number(bytes, 16);
  out.put("\r\n");
  return stream.commit(static_cast<std::size_t>(out.at() - begin));
}

}  // namespace tocsin::http
