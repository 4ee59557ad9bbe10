#include "gateway/delivery/idempotency.h"

namespace tocsin::delivery {

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
