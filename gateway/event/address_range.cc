#include "gateway/event/address_range.h"

#include <charconv>
#include <cstring>
#include <string>

namespace tocsin::event {

namespace {

bool equal_bits(const std::array<unsigned char, 16>& a, const std::array<unsigned char, 16>& b,
                unsigned bits) {
  if (std::memcmp(a.data(), b.data(), bits / 8) != 0) return false;
  if (bits % 8 == 0) return true;
  const unsigned char mask = static_cast<unsigned char>(0xff00U >> (bits % 8));
  return ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

bool clear_behind(const std::array<unsigned char, 16>& bytes, unsigned bits) {
  for (unsigned i = bits; i < 128; ++i) {
    if ((bytes[i / 8] & (0x80U >> (i % 8))) != 0) return false;
  }
  return true;
}

}  // namespace

std::array<unsigned char, 16> address_bytes(const Address& address) {
  const Address::IpKey key = address.ip_key();
  std::array<unsigned char, 16> bytes{};
  std::memcpy(bytes.data(), &key.high, 8);
  std::memcpy(bytes.data() + 8, &key.low, 8);
  return bytes;
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto ip = Address::from_ip(text.substr(0, slash), 0);
  const auto wrong = [text](std::string_view why) {
    return fail(Code::kInvalid, "'" + std::string(text) + "' " + std::string(why));
  };
  if (!ip) return wrong("is no address range: write 10.0.0.0/8, fd00::/8 or one address");
  const unsigned all = ip->family() == AF_INET ? 32 : 128;
  unsigned bits = all;
  if (slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
    if (error != std::errc() || end != number.data() + number.size() || bits > all) {
      return wrong("has no prefix length from 0 to " + std::to_string(all));
    }
  }
  AddressRange range;
  range.prefix_ = address_bytes(*ip);
  range.bits_ = bits + (128 - all);
  if (!clear_behind(range.prefix_, range.bits_)) return wrong("has bits set behind its prefix");
  return range;
}

bool AddressRange::contains(const Address& address) const {
  return equal_bits(prefix_, address_bytes(address), bits_);
}

}  // namespace tocsin::event
