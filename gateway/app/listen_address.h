#pragma once

#include <string_view>

#include "gateway/base/result.h"
#include "gateway/event/address.h"
#include "gateway/event/tcp.h"

namespace tocsin::app {

/// Where the process listens, as `address:` of a listener or of the admin server says it. Ports are
/// taken through this and nowhere else.
struct ListenAddress {
  event::Address address;
  bool every_address = false;  ///< ":80": IPv4 and IPv6, by one socket

  /// An IP address and a port, or ":PORT". Names are refused: which of its addresses would it be,
  /// and what when that changes? Errors are Code::kInvalid and say what would be right.
  static Result<ListenAddress> parse(std::string_view text);

  /// Both cannot be listened on at once: they have a port in common, and an address. Port 0 is
  /// another one each time.
  bool overlaps(const ListenAddress& other) const;
  /// A socket bound to `bound` is what this asks for; port 0 takes any port.
  bool is_met_by(const event::Address& bound) const;

  /// With IPv4 alone where the system has no IPv6.
  Result<event::ListeningSocket> open(event::ListenOptions options) const;
};

}  // namespace tocsin::app
