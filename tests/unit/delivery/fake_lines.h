#pragma once

#include <algorithm>
#include <map>

#include "gateway/message/delivery.h"
#include "tests/unit/delivery/fake_row.h"

namespace tocsin::delivery::testing {

/// The lines of FakeStorage, found anew for each question.
struct FakeLines {
  using Rows = std::map<message::DeliveryId, FakeRow>;

  /// Whether another one of its line goes before it.
  static bool behind(const Rows& rows, message::DeliveryId id) {
    const FakeRow& row = rows.at(id);
    return row.in_line() && std::ranges::any_of(rows, [&](const auto& other) {
             const auto& [other_id, one] = other;
             if (other_id == id || !one.in_line() || one.state > message::DeliveryState::kSending) {
               return false;
             }
             if (one.output != row.output || one.group_key != row.group_key) return false;
             const bool earlier = std::pair(one.next_at, other_id) < std::pair(row.next_at, id);
             return one.owner != 0 || one.attempts > 0 || (row.attempts == 0 && earlier);
           });
  }
  /// Whether a row that is due may be claimed; what waited for its time joins its line.
  static bool lets(Rows& rows, message::DeliveryId id) {
    FakeRow& row = rows.at(id);
    if (row.ordering == stage::Ordering::kWhenDue) row.ordering = stage::Ordering::kJoin;
    return !behind(rows, id);
  }
};

}  // namespace tocsin::delivery::testing
