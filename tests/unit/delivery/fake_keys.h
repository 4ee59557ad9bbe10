#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "gateway/stage/storage.h"

namespace tocsin::delivery::testing {

/// The idempotency keys FakeStorage keeps.
class FakeKeys {
 public:
  /// Keeps the key of an append, or answers it by an earlier one.
  bool answered_before(stage::Append& op) {
    if (!op.key) return false;
    const auto [at, added] = keys_.try_emplace({op.key->hash[0], op.key->hash[1]},
                                               Key{{op.key->body_hash[0], op.key->body_hash[1]},
                                                   op.id,
                                                   static_cast<std::uint32_t>(op.deliveries.size()),
                                                   std::string(op.dropped_by)});
    if (added) return false;
    const Key& key = at->second;
    const bool same = key.body[0] == op.key->body_hash[0] && key.body[1] == op.key->body_hash[1];
    op.outcome = same ? stage::Append::Outcome::kReplayed : stage::Append::Outcome::kConflict;
    op.earlier_id = key.id;
    op.earlier_deliveries = key.deliveries;
    op.earlier_dropped_by = key.dropped_by;
    return true;
  }
  bool knows(message::NotificationId id) const {
    return std::ranges::any_of(keys_, [&](const auto& one) { return one.second.id == id; });
  }

 private:
  struct Key {
    std::uint64_t body[2];
    message::NotificationId id;
    std::uint32_t deliveries;
    std::string dropped_by;
  };
  std::map<std::pair<std::uint64_t, std::uint64_t>, Key> keys_;
};

}  // namespace tocsin::delivery::testing
