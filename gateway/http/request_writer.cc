#include "gateway/http/request_writer.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "gateway/base/text.h"

namespace tocsin::http {

namespace {

constexpr std::size_t kNumberMax = 20;
// Spaces, version, the framing fields and the empty line, generously.
constexpr std::size_t kFixedPart = 160;

bool is_clients_business(std::string_view name) {
  const auto is = [name](std::string_view other) { return equals_ignoring_case(name, other); };
  switch (name.size()) {
    case 2:
      return is("te");
    case 4:
      return is("host");
    case 6:
      return is("expect");
    case 7:
      return is("trailer") || is("upgrade");
    case 10:
      return is("connection") || is("keep-alive");
    case 14:
      return is("content-length");
    case 16:
      return is("proxy-connection");
    case 17:
      return is("transfer-encoding");
    default:
      return false;
  }
}

bool is_printable(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
}

bool is_authority(std::string_view text) {
  return is_printable(text) && text.find_first_of("/?#@\\") == std::string_view::npos;
}

bool is_target(const ClientRequest& request) {
  if (request.target == "*") return request.method == "OPTIONS";
  return is_printable(request.target) && request.target.front() == '/' &&
         request.target.find('#') == std::string_view::npos;
}

// An absent body needs no length, unless the method usually has one (RFC 9110 8.6).
bool announces_length(const ClientRequest& request) {
  if (request.body.kind == ClientBody::Kind::kLength) return true;
  if (request.body.kind != ClientBody::Kind::kWhole) return false;
  return !request.body.bytes.empty() || request.method == "POST" || request.method == "PUT" ||
         request.method == "PATCH";
}

class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}
  Writer& operator<<(std::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Writer& operator<<(std::uint64_t number) {
    at_ = std::to_chars(at_, at_ + kNumberMax, number).ptr;
    return *this;
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

std::size_t room_for(const ClientRequest& request) {
  std::size_t bytes = kFixedPart + request.method.size() + request.target.size() +
                      request.authority.size() + request.upgrade.size();
  for (const Header& field : request.headers) bytes += field.name.size() + field.value.size() + 4;
  return bytes;
}

char* put_head(char* at, const ClientRequest& request) {
  Writer out(at);
  out << request.method << " " << request.target << " HTTP/1.1\r\nHost: " << request.authority
      << "\r\n";
  for (const Header& field : request.headers) {
    if (!is_clients_business(field.name)) out << field.name << ": " << field.value << "\r\n";
  }
  if (announces_length(request)) {
    const bool whole = request.body.kind == ClientBody::Kind::kWhole;
    out << "Content-Length: " << (whole ? request.body.bytes.size() : request.body.length)
        << "\r\n";
  } else if (request.body.kind == ClientBody::Kind::kChunked) {
    out << "Transfer-Encoding: chunked\r\n";
  }
  if (!request.upgrade.empty())
    out << "Connection: upgrade\r\nUpgrade: " << request.upgrade << "\r\n";
  out << "\r\n";
  return out.at();
}

}  // namespace

void ClientRequest::set_url(const Url& url) {
  scheme = url.scheme;
  host = url.host;
  port = url.port;
  authority = url.authority;
  target = url.target;
}

Result<void> check_request(const ClientRequest& request) {
  if (!is_token(request.method) || request.method == "CONNECT") {
    return fail(Code::kInvalid, "the request's method cannot be sent");
  }
  if (!is_target(request)) return fail(Code::kInvalid, "the request's target cannot be sent");
  if (!is_authority(request.authority)) {
    return fail(Code::kInvalid, "the request's authority cannot be sent");
  }
  for (const Header& field : request.headers) {
    if (!is_token(field.name) || !is_field_value(field.value)) {
      return fail(Code::kInvalid, "a header field of the request cannot be sent");
    }
  }
  if (!request.upgrade.empty() && !is_token(request.upgrade)) {
    return fail(Code::kInvalid, "the protocol to upgrade to cannot be sent");
  }
  return {};
}

std::size_t write_request(event::Stream& stream, const ClientRequest& request) {
  const std::size_t room = room_for(request);
  const std::string_view body =
      request.body.kind == ClientBody::Kind::kWhole ? request.body.bytes : std::string_view();
  if (room > event::Stream::kReserveMax) {
    std::string text(room, '\0');
    text.resize(static_cast<std::size_t>(put_head(text.data(), request) - text.data()));
    stream.write(text);
    stream.write(body);
    return text.size() + body.size();
  }
  const bool together = room + body.size() <= event::Stream::kReserveMax;
  char* const begin = stream.reserve(together ? room + body.size() : room);
  char* end = put_head(begin, request);
  if (together) end = (Writer(end) << body).at();
  const auto used = static_cast<std::size_t>(end - begin);
  stream.commit(used);
  if (together) return used;
  stream.write(body);
  return used + body.size();
}

}  // namespace tocsin::http
