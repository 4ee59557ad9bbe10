#include "gateway/event/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tocsin::event {

namespace {

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || port > 65535) {
    return fail(Code::kInvalid,
                "the port '" + std::string(text) + "' is not a number from 0 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

bool is_v4_mapped(const in6_addr& ip) { return IN6_IS_ADDR_V4MAPPED(&ip); }

// By hand: inet_ntop prints through sprintf, and requests are shown the peer's address.
std::string v4_text(const unsigned char* bytes) {
  char text[INET_ADDRSTRLEN];
  char* at = text;
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *at++ = '.';
    at = std::to_chars(at, text + sizeof(text), bytes[i]).ptr;
  }
  return {text, at};
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(Code::kInvalid, "the address '" + std::string(text) + "' has no port");
  }
  TOCSIN_TRY_SET(port, parse_port(text.substr(colon + 1)));
  std::string_view host = text.substr(0, colon);
  if (host.empty() || host == "*") host = "0.0.0.0";
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return fail(Code::kInvalid, "write the IPv6 address in brackets: [" + std::string(host) + "]");
  }
  return from_ip(host, port);
}

Result<Address> Address::from_ip(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  // What follows a NUL byte is invisible to the system's parser.
  if (text.find('\0') != std::string::npos) {
    return fail(Code::kInvalid, "the IP address has a NUL byte in it");
  }
  Address address;
  if (inet_pton(AF_INET, text.c_str(), &address.v4_.sin_addr) == 1) {
    address.v4_.sin_family = AF_INET;
    address.v4_.sin_port = htons(port);
    address.size_ = sizeof(sockaddr_in);
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), &address.v6_.sin6_addr) == 1) {
    address.v6_.sin6_family = AF_INET6;
    address.v6_.sin6_port = htons(port);
    address.size_ = sizeof(sockaddr_in6);
    return address;
  }
  return fail(Code::kInvalid, "'" + text + "' is not an IP address");
}

Address Address::from_socket(const sockaddr* address, socklen_t length) {
  Address copy;
  copy.size_ = std::min<socklen_t>(length, sizeof(copy.v6_));
  std::memcpy(&copy.v6_, address, copy.size_);
  return copy;
}

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(v4_.sin_port);
  if (family() == AF_INET6) {
    return ntohs(v6_.sin6_port);
  }
  return 0;
}

void Address::set_port(std::uint16_t port) {
  if (family() == AF_INET) v4_.sin_port = htons(port);
  if (family() == AF_INET6) v6_.sin6_port = htons(port);
}

std::string Address::ip() const {
  if (family() == AF_INET) {
    return v4_text(reinterpret_cast<const unsigned char*>(&v4_.sin_addr));
  }
  if (family() != AF_INET6) return {};
  const in6_addr& ip = v6_.sin6_addr;
  if (is_v4_mapped(ip)) return v4_text(ip.s6_addr + 12);
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &ip, text, sizeof(text));
  return text;
}

std::string Address::text() const {
  const std::string host = ip();
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

Address::IpKey Address::ip_key() const {
  unsigned char bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (family() == AF_INET6) {
    std::memcpy(bytes, &v6_.sin6_addr, 16);
  } else if (family() == AF_INET) {
    std::memcpy(bytes + 12, &v4_.sin_addr, 4);
  }
  IpKey key;
  std::memcpy(&key.high, bytes, 8);
  std::memcpy(&key.low, bytes + 8, 8);
  return key;
}

bool Address::is_loopback() const {
  if (family() == AF_INET) {
    return (ntohl(v4_.sin_addr.s_addr) >> 24) == 127;
  }
  if (family() != AF_INET6) return false;
  const in6_addr& ip = v6_.sin6_addr;
  return is_v4_mapped(ip) ? ip.s6_addr[12] == 127 : IN6_IS_ADDR_LOOPBACK(&ip);
}

}  // namespace tocsin::event
