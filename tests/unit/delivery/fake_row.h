#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway/message/delivery.h"
#include "gateway/stage/storage.h"

namespace tocsin::delivery::testing {

using message::DeliveryState;

/// A delivery as FakeStorage keeps it.
struct FakeRow {
  std::string output;
  std::string address;
  std::string group_key;
  message::DeliveryClass queue = message::DeliveryClass::kNormal;
  DeliveryState state = DeliveryState::kReady;
  message::ReviewState review = message::ReviewState::kPending;
  stage::Epoch owner = 0;
  std::uint32_t attempts = 0;
  std::uint32_t crashes = 0;
  WallTime next_at{};
  WallTime updated_at{};
  std::string reason;
  std::string provider_id;
  bool cancel_requested = false;
  std::optional<WallTime> redrive_at = std::nullopt;
  std::uint32_t redrives = 0;
  bool mirror = false;
  stage::Ordering ordering = stage::Ordering::kNone;

  bool in_line() const { return ordering == stage::Ordering::kJoin; }
};

/// An idempotency key as FakeStorage keeps it.
struct FakeKey {
  std::uint64_t body[2];
  WallTime expires_at;
  message::NotificationId id;
  std::uint32_t deliveries;
  std::string dropped_by;
};

/// Fills in the rows of one owner.
inline void list_owned(const std::map<message::DeliveryId, FakeRow>& rows, stage::Epoch owner,
                       stage::Owned& op) {
  op.owned.clear();
  for (const auto& [id, row] : rows) {
    if (row.owner != owner || (op.after.notification && id <= op.after)) continue;
    if (op.owned.size() == op.limit) break;
    op.owned.push_back({id, row.output, row.state, row.queue, row.attempts, row.crashes});
  }
}

/// How many of the rows wait and lie dead, by output.
inline std::vector<stage::BacklogCount> count_backlog(
    const std::map<message::DeliveryId, FakeRow>& rows) {
  std::map<std::string, stage::BacklogCount> counts;
  for (const auto& [id, row] : rows) {
    counts[row.output].output = row.output;
    if (row.state == DeliveryState::kReady) {
      auto& oldest = counts[row.output].oldest_ready;
      oldest = std::min(oldest.value_or(row.next_at), row.next_at);
      ++counts[row.output].ready;
    }
    if (row.state == DeliveryState::kDead) ++counts[row.output].dead;
  }
  std::vector<stage::BacklogCount> backlog;
  for (auto& [output, count] : counts) backlog.push_back(count);
  return backlog;
}

}  // namespace tocsin::delivery::testing
