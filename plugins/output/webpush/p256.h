#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

namespace tocsin::output_webpush {

struct FreeKey {
  void operator()(EVP_PKEY* key) const;
};
/// A key on the curve P-256, or none.
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

/// A new one; null when OpenSSL has no randomness.
Key make_key();
/// From the private number, 32 bytes; null when it is none of the curve's.
Key key_from_private(std::string_view number);
/// From a PEM file's text; null when that holds no private key of the curve.
Key key_from_pem(std::string_view pem);
/// From an uncompressed point of 65 bytes, without a private part; null when it is not on the
/// curve.
Key key_from_public(std::string_view point);

/// The uncompressed point, 65 bytes.
std::string public_point(const Key& key);
/// ECDH; empty when the two do not fit.
std::string shared_secret(const Key& own, const Key& other);
/// ES256 as JWS has it (RFC 7518 3.4): r and s, 32 bytes each. Empty: the key signs nothing.
std::string sign(const Key& key, std::string_view content);

}  // namespace tocsin::output_webpush
