#pragma once

#include <algorithm>
#include <optional>

#include "gateway/message/delivery.h"
#include "gateway/stage/storage.h"
#include "tests/unit/delivery/fake_row.h"

namespace tocsin::delivery::testing {

/// What FakeStorage does with deliveries that wait for their time, or for another one.
struct FakeTime {
  template <typename Store>
  static void supersede(Store& store, stage::Supersede& op) {
    op.cancelled = 0;
    op.in_flight.clear();
    op.more = false;
    if (!store.notes_.contains(op.id)) return;
    for (auto at = store.rows_.begin(); at != store.rows_.lower_bound({op.id, 0}); ++at) {
      FakeRow& row = at->second;
      const message::NotificationId id = at->first.notification;
      if (row.group_key != op.group_key || store.notes_.at(id).caller != op.caller) continue;
      if (row.state > DeliveryState::kSending || row.cancel_requested) continue;
      op.more = op.cancelled + op.in_flight.size() == op.limit;
      if (op.more) return;
      if (row.state == DeliveryState::kReady) {
        store.move(at->first, row,
                   [&](FakeRow& r) { store.enter(r, message::DeliveryEvent::kCancel, op.at); });
        row.reason = "superseded";
        ++op.cancelled;
      } else {
        row.cancel_requested = true;
        op.in_flight.push_back(id);
      }
    }
  }

  template <typename Store>
  static void reschedule(Store& store, stage::Reschedule& op) {
    op.found = op.expires = false;
    op.rescheduled = op.in_flight = op.done = 0;
    op.outputs.clear();
    const auto note = store.notes_.find(op.id);
    if (note == store.notes_.end() || note->second.caller != op.caller) return;
    op.found = true;
    op.expires = note->second.expires_at && *note->second.expires_at <= op.next_at;
    for (auto at = store.rows_.lower_bound({op.id, 0}); at != store.rows_.end(); ++at) {
      if (at->first.notification != op.id) break;
      FakeRow& row = at->second;
      if (row.state == DeliveryState::kReady && !op.expires) {
        store.move(at->first, row, [&](FakeRow& r) { r.next_at = op.next_at; });
        ++op.rescheduled;
        if (std::ranges::count(op.outputs, row.output) == 0) op.outputs.push_back(row.output);
      }
      if (row.owner != 0) ++op.in_flight;
      if (row.state > DeliveryState::kSending) ++op.done;
    }
  }

  template <typename Store>
  static void redrive_due(Store& store, stage::RedriveDue& op) {
    op.redriven = 0;
    op.next_due.reset();
    op.outputs.clear();
    for (auto& [id, row] : store.rows_) {
      if (row.state != DeliveryState::kDead || !row.redrive_at) continue;
      const bool wanted = op.output.empty() ? *row.redrive_at <= op.now : row.output == op.output;
      if (!wanted || op.redriven == op.limit) {
        op.next_due = std::min(op.next_due.value_or(*row.redrive_at), *row.redrive_at);
        continue;
      }
      ++op.redriven;
      op.outputs.push_back(row.output);
      store.move(id, row, [&](FakeRow& r) {
        store.enter(r, message::DeliveryEvent::kRedrive, op.now);
        r.attempts = 0;
        ++r.redrives;
        r.ordering = stage::Ordering::kNone;
        r.next_at = op.now;
        r.redrive_at.reset();
      });
    }
  }
};

}  // namespace tocsin::delivery::testing
