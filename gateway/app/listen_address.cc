#include "gateway/app/listen_address.h"

#include <netinet/in.h>

#include "gateway/base/address.h"
#include "gateway/base/text.h"

namespace tocsin::app {

namespace {

bool is_wildcard(const event::Address& address) {
  const std::string ip = address.ip();
  return ip == "0.0.0.0" || ip == "::";
}

}  // namespace

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  TOCSIN_TRY_SET(written, parse_address(text));
  ListenAddress listen;
  listen.every_address = written.host.empty();
  if (equals_ignoring_case(written.host, "localhost")) {
    const std::string port = std::to_string(written.port);
    return fail(Code::kInvalid, "write 127.0.0.1:" + port + " or [::1]:" + port);
  }
  if (!listen.every_address && !is_ip_literal(written.host)) {
    return fail(Code::kInvalid, "write the IP address to listen on, or :" +
                                    std::to_string(written.port) + " for every address");
  }
  const std::string_view ip = listen.every_address ? "::" : std::string_view(written.host);
  TOCSIN_TRY_SET(address, event::Address::from_ip(ip, written.port));
  if (address.family() == AF_INET6 && address.ip().find(':') == std::string::npos) {
    return fail(Code::kInvalid, "write it as the IPv4 address it is: " + address.text());
  }
  listen.address = address;
  return listen;
}

bool ListenAddress::overlaps(const ListenAddress& other) const {
  if (address.port() == 0 || address.port() != other.address.port()) return false;
  if (every_address || other.every_address) return true;
  if (address.family() != other.address.family()) return false;
  return is_wildcard(address) || is_wildcard(other.address) ||
         address.ip_key() == other.address.ip_key();
}

bool ListenAddress::is_met_by(const event::Address& bound) const {
  if (address.port() != 0 && address.port() != bound.port()) return false;
  if (every_address) return is_wildcard(bound);  // of IPv4 where there is no IPv6
  return address.family() == bound.family() && address.ip_key() == bound.ip_key();
}

Result<event::ListeningSocket> ListenAddress::open(event::ListenOptions options) const {
  options.both_families = every_address;
  auto socket = event::ListeningSocket::open(address, options);
  if (socket || !every_address || socket.error().code != Code::kUnavailable) return socket;
  options.both_families = false;
  TOCSIN_TRY_SET(v4, event::Address::from_ip("0.0.0.0", address.port()));
  return event::ListeningSocket::open(v4, options);
}

}  // namespace tocsin::app
