#pragma once

#include <iterator>
#include <string>
#include <utility>

#include "gateway/message/delivery.h"
#include "gateway/stage/storage.h"
#include "tests/unit/delivery/fake_row.h"

namespace tocsin::delivery::testing {

/// What FakeStorage does with what a provider says later.
struct FakeAmend {
  template <typename Store>
  static void apply(Store& store, stage::Amend& op) {
    op.changed = op.mirror = op.freed = false;
    const auto at = store.rows_.find(op.id);
    if (at == store.rows_.end()) return;
    FakeRow& row = at->second;
    const bool held = row.state == DeliveryState::kClaimed || row.state == DeliveryState::kSending;
    if (held || row.state != op.was || row.updated_at != op.was_updated_at) return;
    op.changed = true;
    op.mirror = row.mirror;
    if (row.provider_id.empty()) row.provider_id = op.provider_id;
    if (op.state == op.was) {
      tell(row, op);
      return add_successor(store, op);
    }
    op.freed = op.was == DeliveryState::kReady && row.in_line();
    store.move(op.id, row, [&](FakeRow& r) {
      store.enter(r, event_of(op.state), op.at);
      r.reason = op.reason;
      r.redrive_at.reset();
      if (op.state != DeliveryState::kDead) return;
      r.review = message::ReviewState::kPending;
      r.next_at = op.at;
    });
    add_successor(store, op);
  }

 private:
  static message::DeliveryEvent event_of(DeliveryState state) {
    return state == DeliveryState::kDead ? message::DeliveryEvent::kDie
                                         : message::DeliveryEvent::kDeliver;
  }
  static void tell(FakeRow& row, const stage::Amend& op) {
    if (op.reason.empty()) return;
    row.reason = op.reason;
    row.updated_at = op.at;
    row.redrive_at.reset();
  }
  template <typename Store>
  static void add_successor(Store& store, stage::Amend& op) {
    if (op.state != DeliveryState::kDead || !op.successor || op.mirror) return;
    stage::Settle settle;
    settle.id = op.id;
    settle.at = op.at;
    settle.successor = op.successor;
    store.add_successor(settle);
    op.successor_ordinal = settle.successor_ordinal;
  }
};

}  // namespace tocsin::delivery::testing
