#include "gateway/http/target.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/base/address.h"

namespace tocsin::http {

namespace {

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 3986 2.3
constexpr bool is_unreserved(char c) {
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// What a registered name may hold without percent-encoding: RFC 3986 3.2.2.
constexpr std::array<bool, 256> make_name_table() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 128; ++c)
    table[static_cast<std::size_t>(c)] = is_unreserved(static_cast<char>(c));
  for (const char c : std::string_view("!$&'()*+;=")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kNameByte = make_name_table();

// host [ ":" port ] of RFC 3986 3.2.2, registered names without percent-encoding.
bool is_authority(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const std::string_view literal = text.substr(1, close - 1);
    if (literal.find(':') == std::string_view::npos || !is_ip_literal(literal)) return false;
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) return true;
    return rest.front() == ':' && rest.size() <= 6 && is_digits(rest.substr(1));
  }
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.size() > 5 || !is_digits(port)) return false;
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return kNameByte[static_cast<unsigned char>(c)];
  });
}

struct Absolute {
  std::string_view scheme;
  std::string_view authority;
  std::string_view rest;  // path and query
};

bool split_absolute(std::string_view target, Absolute& out) {
  const std::size_t mark = target.find("://");
  if (mark == std::string_view::npos) return false;
  out.scheme = target.substr(0, mark);
  if (!equals_ignoring_case(out.scheme, "http") && !equals_ignoring_case(out.scheme, "https")) {
    return false;
  }
  std::string_view after = target.substr(mark + 3);
  const std::size_t end = std::min(after.find_first_of("/?"), after.size());
  out.authority = after.substr(0, end);
  out.rest = after.substr(end);
  return true;
}

// Sets the head's authority to its Host field.
const char* read_host(RequestHead& head) {
  head.authority = {};
  bool found = false;
  for (const Header& field : head.headers.all()) {
    if (!equals_ignoring_case(field.name, "host")) continue;
    if (std::exchange(found, true)) return "The request has more than one Host field.";
    head.authority = field.value;
  }
  if (!found) return head.minor_version >= 1 ? "An HTTP/1.1 request needs a Host field." : nullptr;
  return is_authority(head.authority) ? nullptr : "The Host field is malformed.";
}

// Most paths are: told in one pass.
bool plain_path(std::string_view path) {
  char before = '\0';
  for (const char c : path) {
    if (c == '%' || c == '\\' || (c == '.' && before == '/')) return false;
    before = c;
  }
  return true;
}

// Removes the last segment of out[0, length), keeping its leading slash; false at the root.
bool drop_segment(const char* out, std::size_t& length) {
  if (length <= 1) return false;
  --length;  // the slash that ended the segment
  while (out[length - 1] != '/') --length;
  return true;
}

// Copies one segment (without slashes), decoding what need not be encoded. Returns null or an
// error.
const char* copy_segment(std::string_view segment, char* out, std::size_t& length) {
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '\\') {
      constexpr std::string_view kEncoded = "%5C";
      length += kEncoded.copy(out + length, kEncoded.size());
      continue;
    }
    if (segment[i] != '%') {
      out[length++] = segment[i];
      continue;
    }
    const int high = i + 2 < segment.size() ? hex_value(segment[i + 1]) : -1;
    const int low = i + 2 < segment.size() ? hex_value(segment[i + 2]) : -1;
    if (high < 0 || low < 0) return "The path holds a broken percent-encoding.";
    const auto decoded = static_cast<char>(high * 16 + low);
    if (decoded == '\0') return "The path holds an encoded NUL.";
    if (is_unreserved(decoded)) {
      out[length++] = decoded;
    } else {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      out[length++] = '%';
      out[length++] = kDigits[static_cast<std::size_t>(high)];
      out[length++] = kDigits[static_cast<std::size_t>(low)];
    }
    i += 2;
  }
  return nullptr;
}

}  // namespace

std::string_view normalise_path(std::string_view path, Arena& arena, const char*& error) {
  error = nullptr;
  if (plain_path(path)) return path;
  const auto backslashes = static_cast<std::size_t>(std::count(path.begin(), path.end(), '\\'));
  auto* out = static_cast<char*>(arena.allocate(path.size() + 2 * backslashes + 1, 1));
  if (out == nullptr) {
    error = "The path is too long.";
    return path;
  }
  std::size_t length = 0;
  out[length++] = '/';
  std::string_view rest = path.substr(1);
  while (true) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const bool last = slash == rest.size();
    const std::size_t begin = length;
    error = copy_segment(rest.substr(0, slash), out, length);
    if (error != nullptr) return path;
    const std::string_view segment(out + begin, length - begin);
    if (segment == "." || segment == "..") {
      const bool up = segment == "..";
      length = begin;
      if (up && !drop_segment(out, length)) {
        error = "The path climbs above the root.";
        return path;
      }
    } else if (!last) {
      out[length++] = '/';
    }
    if (last) return {out, length};
    rest.remove_prefix(slash + 1);
  }
}

const char* read_target(RequestHead& head, std::string_view scheme, Arena& arena) {
  head.scheme = scheme;
  if (const char* error = read_host(head); error != nullptr) {
    head.authority = {};  // two readers might not agree on it
    return error;
  }
  if (head.target.find('#') != std::string_view::npos) return "The target holds a fragment.";
  if (head.target == "*") {
    if (head.method != "OPTIONS") return "Only OPTIONS may have the target '*'.";
    head.path = "*";
    head.query = {};
    return nullptr;
  }
  std::string_view rest = head.target;
  if (rest.empty() || rest.front() != '/') {
    Absolute absolute;
    if (!split_absolute(rest, absolute)) return "The target is neither a path nor an http URI.";
    if (!is_authority(absolute.authority)) return "The target's authority is malformed.";
    if (!head.authority.empty() && !equals_ignoring_case(head.authority, absolute.authority)) {
      return "The Host field differs from the target's authority.";
    }
    head.authority = absolute.authority;
    rest = absolute.rest;
  }
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  head.query = rest.substr(std::min(mark + 1, rest.size()));
  const std::string_view path = rest.substr(0, mark);
  const char* error = nullptr;
  head.path = path.empty() ? std::string_view("/") : normalise_path(path, arena, error);
  return error;
}

}  // namespace tocsin::http
