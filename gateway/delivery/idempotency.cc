#include "gateway/delivery/idempotency.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace tocsin::delivery {

namespace {

using SecretWords = std::array<std::uint64_t, 4>;
static_assert(std::endian::native == std::endian::little, "words are kept as they lie");

}  // namespace

std::string encode(const KeySecret& secret) {
  const SecretWords words = {secret.high.first, secret.high.second, secret.low.first,
                             secret.low.second};
  return {reinterpret_cast<const char*>(words.data()), sizeof(words)};
}

std::optional<KeySecret> decode_key_secret(std::string_view bytes) {
  SecretWords words;
  if (bytes.size() != sizeof(words)) return std::nullopt;
  std::memcpy(words.data(), bytes.data(), sizeof(words));
  return KeySecret{{words[0], words[1]}, {words[2], words[3]}};
}

void append_identity(std::string& out, const KeyScope& scope, std::string_view key) {
  // Each length before its text, so that no two scopes and keys run together.
  for (const std::string_view part : {scope.input, scope.caller}) {
    out.append(std::to_string(part.size())).append(":").append(part);
  }
  out.append(key);
}

stage::IdempotencyKey make_key(const KeySecret& secret, std::string_view identity,
                               std::string_view body, WallTime now) {
  stage::IdempotencyKey made;
  made.hash[0] = policy::siphash<2, 4>(secret.high, identity);
  made.hash[1] = policy::siphash<2, 4>(secret.low, identity);
  made.body_hash[0] = policy::siphash<2, 4>(secret.high, body);
  made.body_hash[1] = policy::siphash<2, 4>(secret.low, body);
  made.expires_at = now + kKeyKeep;
  return made;
}

}  // namespace tocsin::delivery
