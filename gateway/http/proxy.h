#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/event/address_range.h"

namespace tocsin::http {

/// A forward proxy that is asked for a tunnel (CONNECT, RFC 9110 9.3.6), whatever is then spoken
/// through it.
struct ForwardProxy {
  std::string host;
  std::uint16_t port = 0;
  std::string authorization;  ///< "Basic ..."; empty: none

  /// "http://proxy.example:3128", "http://user:password@proxy.example:3128". kInvalid; the sentence
  /// repeats nothing of the text, which may hold a password.
  static Result<ForwardProxy> parse(std::string_view url);
};

/// Hosts that are reached without the proxy, written as NO_PROXY is: "example.com" (and all below
/// it), ".example.com" (only those below), "10.0.0.0/8" and "192.0.2.1" for hosts that are
/// addresses,
/// "*" for all. Immutable.
class ProxyExceptions {
 public:
  static Result<ProxyExceptions> create(const std::vector<std::string>& texts);
  bool contains(std::string_view host) const;

 private:
  std::vector<std::string> names_;  // lower case
  std::vector<event::AddressRange> ranges_;
  bool all_ = false;
};

}  // namespace tocsin::http
