#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/base/result.h"
#include "gateway/event/address.h"

namespace tocsin::event {

/// A block of IP addresses, as "10.0.0.0/8" or "fd00::/8". An IPv4 address and the same one mapped
/// into IPv6 are one address.
class AddressRange {
 public:
  /// An address alone is a range of one. kInvalid for anything else, and for bits that are set
  /// behind the prefix: whoever wrote them meant another range.
  static Result<AddressRange> parse(std::string_view text);

  bool contains(const Address& address) const;

 private:
  std::array<unsigned char, 16> prefix_{};  // IPv4 in its mapped form
  unsigned bits_ = 128;
};

/// An address as 16 bytes in network order, IPv4 in its mapped form.
std::array<unsigned char, 16> address_bytes(const Address& address);

}  // namespace tocsin::event
