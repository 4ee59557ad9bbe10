// The ranges are those of the IANA registries of special-purpose addresses (RFC 6890) that are not
// global, and those of IPv6 that carry an IPv4 address, which is then looked at.
#include "gateway/http/address_guard.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace tocsin::http {

namespace {

struct Forbidden {
  std::string_view range;
  std::string_view what;
};

constexpr Forbidden kForbidden[] = {
    {"127.0.0.0/8", "a loopback address"},       {"::1", "a loopback address"},
    {"0.0.0.0/8", "an address of this machine"}, {"::", "an address of this machine"},
    {"10.0.0.0/8", "a private address"},         {"172.16.0.0/12", "a private address"},
    {"192.168.0.0/16", "a private address"},     {"fc00::/7", "a private address"},
    {"fec0::/10", "a private address"},          {"100.64.0.0/10", "a carrier's private address"},
    {"169.254.0.0/16", "a link-local address"},  // clouds' metadata services among them
    {"fe80::/10", "a link-local address"},       {"224.0.0.0/4", "a multicast address"},
    {"ff00::/8", "a multicast address"},         {"240.0.0.0/4", "a reserved address"},
    {"192.0.0.0/24", "a reserved address"},      {"192.0.2.0/24", "a reserved address"},
    {"198.18.0.0/15", "a reserved address"},     {"198.51.100.0/24", "a reserved address"},
    {"203.0.113.0/24", "a reserved address"},    {"2001:db8::/32", "a reserved address"},
    {"100::/64", "a reserved address"},          {"64:ff9b:1::/48", "a translated address"},
    {"2001::/32", "a tunnelled address"},
};

/// Where an IPv6 range carries an IPv4 address.
struct Carrier {
  std::string_view range;
  std::size_t offset;
};
constexpr Carrier kCarriers[] = {{"64:ff9b::/96", 12}, {"2002::/16", 2}, {"::/96", 12}};

template <typename Row, std::size_t kCount>
std::vector<std::pair<event::AddressRange, const Row*>> read_table(const Row (&rows)[kCount]) {
  std::vector<std::pair<event::AddressRange, const Row*>> table;
  for (const Row& row : rows) table.emplace_back(*event::AddressRange::parse(row.range), &row);
  return table;
}

std::string_view forbidden(const event::Address& address) {
  static const auto table = read_table(kForbidden);
  for (const auto& [range, row] : table) {
    if (range.contains(address)) return row->what;
  }
  return {};
}

std::optional<event::Address> carried(const event::Address& address) {
  static const auto table = read_table(kCarriers);
  for (const auto& [range, row] : table) {
    if (!range.contains(address)) continue;
    const auto bytes = event::address_bytes(address);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, bytes.data() + row->offset, 4);
    return event::Address::from_socket(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  return std::nullopt;
}

}  // namespace

Result<AddressGuard> AddressGuard::create(const std::vector<std::string>& allowed) {
  AddressGuard guard;
  for (const std::string& text : allowed) {
    TOCSIN_TRY_SET(range, event::AddressRange::parse(text));
    guard.allowed_.push_back(range);
  }
  return guard;
}

std::string_view AddressGuard::refusal(const event::Address& address) const {
  const bool allowed = std::any_of(allowed_.begin(), allowed_.end(),
                                   [&](const auto& range) { return range.contains(address); });
  if (allowed) return {};
  // Before what it carries: ::1 and :: lie in a range of carriers.
  if (const std::string_view what = forbidden(address); !what.empty()) return what;
  const std::optional<event::Address> inner = carried(address);
  return inner ? refusal(*inner) : std::string_view();
}

}  // namespace tocsin::http
