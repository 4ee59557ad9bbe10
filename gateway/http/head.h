#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/http/header_map.h"

namespace tocsin::http {

/// The head of a request after framing was checked. All views live in the exchange's arena.
struct RequestHead {
  std::string_view method;     ///< as sent: GET, POST, ...
  std::string_view target;     ///< the request target as sent
  std::string_view path;       ///< normalised path, starting with '/'; "*" of OPTIONS *
  std::string_view query;      ///< without '?', as sent
  std::string_view authority;  ///< host[:port] of the target or of Host
  std::string_view scheme;     ///< "http" or "https"
  /// As sent, also where the version is refused. What is served is 1.0 or 1.1.
  std::uint8_t major_version = 1;
  std::uint8_t minor_version = 1;
  HeaderMap headers;

  bool is_head() const { return method == "HEAD"; }
};

/// The head of a response. Framing fields (Content-Length, Transfer-Encoding, Connection, Date) are
/// the codec's: it writes them itself and drops others' attempts.
struct ResponseHead {
  static constexpr std::uint64_t kUnknownLength = ~std::uint64_t{0};

  int status = 200;
  /// How many bytes follow; a filter that changes the body changes this too, if only to unknown.
  std::uint64_t body_bytes = kUnknownLength;
  HeaderMap headers;
};

/// The registered phrase of a status, or "Unknown".
std::string_view reason_phrase(int status);

/// 1xx, 204 and 304 never carry a body (RFC 9110 6.4.1).
constexpr bool status_forbids_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace tocsin::http
