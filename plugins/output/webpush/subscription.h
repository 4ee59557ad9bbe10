#pragma once

#include <string>
#include <string_view>

namespace tocsin::output_webpush {

/// Where a browser takes messages, and for whom they are encrypted.
struct Subscription {
  static constexpr std::size_t kPublicKeyBytes = 65;  ///< an uncompressed point of P-256
  static constexpr std::size_t kAuthBytes = 16;

  std::string endpoint;
  std::string
      origin;  ///< of the endpoint: "https://push.example", with a port that is no usual one
  std::string public_key;  ///< the browser's
  std::string auth;        ///< its secret

  /// From an address's value: P256DH.AUTH@ENDPOINT, the keys in base64url, or the JSON of a
  /// PushSubscription. Otherwise why not, in a sentence; empty: read.
  std::string read(std::string_view value);
};

/// "https://host:port" of a URL as RFC 6454 has it; empty: it is none that a message can go to.
std::string origin_of(std::string_view url);

}  // namespace tocsin::output_webpush
