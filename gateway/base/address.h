#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace tocsin {

/// A host and a port as an operator writes them. No name is looked up.
struct Address {
  std::string host;  ///< a name, IPv4 or IPv6 text without brackets; empty: every local address
  std::uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

/// "host:port", "10.0.0.1:80", "[::1]:80", ":80" and "*:80" (both: every local address). Errors are
/// Code::kInvalid and say what would be right.
Result<Address> parse_address(std::string_view text);

/// The text that parses back to the same address.
std::string format_address(const Address& address);

/// True for dotted IPv4 and for IPv6 text (without brackets or zone).
bool is_ip_literal(std::string_view host);

/// True for 127.0.0.0/8, ::1 and the name "localhost".
bool is_loopback(std::string_view host);

}  // namespace tocsin
