#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace tocsin::event {

/// An IPv4 or IPv6 socket address. A value, and a small one, since every connection keeps some; no
/// name resolution happens here.
class Address {
 public:
  Address() = default;

  /// "127.0.0.1:80", "[::1]:80", ":80" (all IPv4 interfaces), "*:80" (the same). Names are refused:
  /// they need a Resolver.
  static Result<Address> parse(std::string_view text);
  /// A literal IP and a port in host order.
  static Result<Address> from_ip(std::string_view ip, std::uint16_t port);
  /// Copies what the kernel filled in; length bytes are meaningful. Of another family only that it
  /// is another is kept.
  static Address from_socket(const sockaddr* address, socklen_t length);

  const sockaddr* data() const { return &any_; }
  socklen_t size() const { return size_; }
  int family() const { return any_.sa_family; }
  std::uint16_t port() const;
  void set_port(std::uint16_t port);

  /// "127.0.0.1" or "::1"; a v4-mapped v6 address is shown as v4.
  std::string ip() const;
  /// "127.0.0.1:80" or "[::1]:80".
  std::string text() const;

  /// The IP in 16 bytes, v4 in its mapped form, for counting per peer. Ports do not matter.
  struct IpKey {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    bool operator==(const IpKey&) const = default;
  };
  IpKey ip_key() const;
  bool is_loopback() const;

 private:
  union {
    sockaddr_in6 v6_{};  // first, so that all bytes begin as zero
    sockaddr_in v4_;
    sockaddr any_;
  };
  socklen_t size_ = 0;
};

}  // namespace tocsin::event
