#include "gateway/base/address.h"

#include <arpa/inet.h>

#include <charconv>

#include "gateway/base/text.h"

namespace tocsin {

namespace {

// The C functions below stop at a NUL, so a text that holds one is refused first.
bool holds_nul(const std::string& host) { return host.find('\0') != std::string::npos; }

bool is_ipv6(const std::string& host) {
  in6_addr ignored;
  return !holds_nul(host) && inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

bool is_ipv4(const std::string& host) {
  in_addr ignored;
  return !holds_nul(host) && inet_pton(AF_INET, host.c_str(), &ignored) == 1;
}

bool is_name_char(char c) {
  return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end) {
    return fail(Code::kInvalid, "a port is a number from 0 to 65535");
  }
  return port;
}

Result<std::string> parse_host(std::string_view text) {
  if (text == "*") return std::string();
  std::string host(text);
  if (host.find_first_not_of("0123456789.") == std::string::npos && !host.empty() &&
      !is_ipv4(host)) {
    return fail(Code::kInvalid, "an IPv4 address is four numbers from 0 to 255, as in 10.0.0.1");
  }
  for (const char c : host) {
    if (is_name_char(c)) continue;
    return fail(Code::kInvalid, "write only a host and a port, as in 10.0.0.1:8080");
  }
  if (host.size() > 253) return fail(Code::kInvalid, "a host name has at most 253 characters");
  return host;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    return fail(Code::kInvalid, "leave out the scheme: write only a host and a port");
  }
  if (text.starts_with('[')) {
    const std::size_t close = text.find("]:");
    if (close == std::string_view::npos || !is_ipv6(std::string(text.substr(1, close - 1)))) {
      return fail(Code::kInvalid, "an IPv6 address goes in brackets, as in [::1]:8080");
    }
    TOCSIN_TRY_SET(port, parse_port(text.substr(close + 2)));
    return Address{std::string(text.substr(1, close - 1)), port};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    const bool number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    if (number) {
      return fail(Code::kInvalid,
                  "write :" + std::string(text) + " for that port on every address");
    }
    return fail(Code::kInvalid, "the port is missing: write host:port, as in 127.0.0.1:8080");
  }
  if (text.substr(0, colon).find(':') != std::string_view::npos) {
    return fail(Code::kInvalid, "an IPv6 address goes in brackets, as in [::1]:8080");
  }
  TOCSIN_TRY_SET(host, parse_host(text.substr(0, colon)));
  TOCSIN_TRY_SET(port, parse_port(text.substr(colon + 1)));
  return Address{std::move(host), port};
}

std::string format_address(const Address& address) {
  const bool bracketed = address.host.find(':') != std::string::npos;
  std::string text = bracketed ? "[" + address.host + "]" : address.host;
  return text + ":" + std::to_string(address.port);
}

bool is_ip_literal(std::string_view host) {
  const std::string text(host);
  return is_ipv4(text) || is_ipv6(text);
}

bool is_loopback(std::string_view host) {
  if (equals_ignoring_case(host, "localhost")) return true;
  const std::string text(host);
  if (holds_nul(text)) return false;
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace tocsin
