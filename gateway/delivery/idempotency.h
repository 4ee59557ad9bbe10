#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/policy/siphash.h"
#include "gateway/stage/storage.h"

namespace tocsin::delivery {

/// How long a key is kept.
inline constexpr Duration kKeyKeep = std::chrono::hours(24);

/// What the hashes of keys and bodies are made with. They are stored, so it stays the same for the
/// life of a store, which keeps it; who knows it could make a key that meets somebody else's.
struct KeySecret {
  policy::HashSeed high;
  policy::HashSeed low;
};

/// The secret as a store keeps it, and back; nothing: this is none.
std::string encode(const KeySecret& secret);
std::optional<KeySecret> decode_key_secret(std::string_view bytes);

/// Who a key belongs to: keys of different inputs or callers never meet.
struct KeyScope {
  std::string_view input;
  std::string_view caller;
};

/// Scope and key as one text, unambiguous whatever they hold: what the key's hash is taken of, and
/// the identity that filters see.
void append_identity(std::string& out, const KeyScope& scope, std::string_view key);

/// 128 bits over the identity, 128 bits over the body as it was sent.
stage::IdempotencyKey make_key(const KeySecret& secret, std::string_view identity,
                               std::string_view body, WallTime now);

}  // namespace tocsin::delivery
