#pragma once

#include <string>
#include <string_view>

#include "p256.h"
#include "subscription.h"

namespace tocsin::output_webpush {

/// What a push service must take (RFC 8030 7.2) less what the encryption adds.
inline constexpr std::size_t kPlainBytesMax = 3993;

/// One record in the content coding aes128gcm (RFC 8188), with the key that `secret` and `salt` (16
/// bytes) make. Empty: it is longer than a record.
std::string seal(std::string_view secret, std::string_view salt, std::string_view key_id,
                 std::string_view plain);

/// The body of a message to the subscription (RFC 8291), encrypted with a key and salt of its own.
/// Empty: the subscription's key is none of the curve's, or there is no randomness.
std::string encrypt(std::string_view plain, const Subscription& to);

/// The same with a key and salt that are given.
std::string encrypt(std::string_view plain, const Subscription& to, const Key& own,
                    std::string_view salt);

}  // namespace tocsin::output_webpush
