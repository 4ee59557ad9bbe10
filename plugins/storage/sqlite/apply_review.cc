// Cancels and reviews are rare: they read first, so that what they change can be counted by output.
// Blame changes no state, and so no count.
// What is redriven counts as approved until it dies again: a claim tells by that.
#include <algorithm>
#include <utility>
#include <vector>

#include "operations.h"

namespace tocsin::sqlite {

bool Reviewer::prepare() {
  return caller_of_.prepare(work_.database, "SELECT caller FROM notifications WHERE id = ?1") &&
         deliveries_of_.prepare(work_.database,
                                "SELECT state, output, line, key_hash FROM deliveries "
                                "WHERE notification_id = ?1") &&
         cancel_ready_.prepare(work_.database,
                               "UPDATE deliveries SET state = 5, owner = 0, updated_at = ?2 "
                               "WHERE notification_id = ?1 AND state = 0") &&
         request_cancel_.prepare(work_.database,
                                 "UPDATE deliveries SET cancel_requested = 1 "
                                 "WHERE notification_id = ?1 AND state IN (1, 2)") &&
         dead_letter_.prepare(work_.database,
                              "SELECT output, review FROM deliveries "
                              "WHERE notification_id = ?1 AND ordinal = ?2 AND state = 4") &&
         redrive_.prepare(
             work_.database,
             "UPDATE deliveries SET state = 0, owner = 0, review = 1, attempts = 0, "
             "crashes = 0, cancel_requested = 0, redrive_at = 0, redrives = 0, line = 0, "
             "next_at = ?3, updated_at = ?3 "
             "WHERE notification_id = ?1 AND ordinal = ?2") &&
         review_.prepare(work_.database,
                         "UPDATE deliveries SET review = ?3, updated_at = ?4, "
                         "redrive_at = CASE WHEN ?3 = 2 THEN 0 ELSE redrive_at END "
                         "WHERE notification_id = ?1 AND ordinal = ?2") &&
         blame_.prepare(work_.database,
                        "UPDATE deliveries SET crashes = crashes + 1 "
                        "WHERE notification_id = ?1 AND ordinal = ?2 AND state <= 2");
}

bool Reviewer::apply(tocsin_cancel& op) {
  op.found = op.cancelled = op.in_flight = op.done = 0;
  {
    auto rows = caller_of_.rows(op.notification_id);
    if (!rows.next()) return !rows.failed();
    const tocsin_str caller = rows.text(0);
    if (std::string_view(caller.ptr, caller.len) !=
        std::string_view(op.caller.ptr, op.caller.len)) {
      return true;
    }
  }
  op.found = 1;
  std::vector<std::pair<std::int64_t, std::int64_t>> left;
  {
    auto rows = deliveries_of_.rows(op.notification_id);
    while (rows.next()) {
      const std::uint32_t state = rows.small(0);
      if (state == TOCSIN_STATE_READY) {
        ++op.cancelled;
        work_.backlog.add_ready(rows.number(1), -1);
        if (rows.number(2) == TOCSIN_ORDER_JOIN) left.emplace_back(rows.number(1), rows.number(3));
      } else if (state == TOCSIN_STATE_CLAIMED || state == TOCSIN_STATE_SENDING) {
        ++op.in_flight;
      } else {
        ++op.done;
      }
    }
    if (rows.failed()) return false;
  }
  bool freed = false;
  return (op.cancelled == 0 || cancel_ready_.run(op.notification_id, op.at_ns)) &&
         (op.in_flight == 0 || request_cancel_.run(op.notification_id)) &&
         std::ranges::all_of(left, [&](const auto& line) {
           return work_.lines.advance(line.first, line.second, freed);
         });
}

bool Reviewer::apply(tocsin_review& op) {
  op.changed = 0;
  op.output = {nullptr, 0};
  std::int64_t output = 0;
  bool was_discarded = false;
  {
    auto rows = dead_letter_.rows(op.notification_id, op.ordinal);
    if (!rows.next()) return !rows.failed();
    output = rows.number(0);
    was_discarded = rows.number(1) == TOCSIN_REVIEW_DISCARDED;
  }
  op.changed = 1;
  if (op.verb == TOCSIN_REDRIVE) {
    op.output = work_.scratch.copy(work_.backlog.name_of(output));
    work_.backlog.add_dead(output, was_discarded ? 0 : -1);
    work_.backlog.add_ready(output, 1);
    return redrive_.run(op.notification_id, op.ordinal, op.at_ns);
  }
  const bool discards = op.verb == TOCSIN_DISCARD;
  work_.backlog.add_dead(output, std::int64_t{was_discarded} - std::int64_t{discards});
  return review_.run(op.notification_id, op.ordinal,
                     discards ? TOCSIN_REVIEW_DISCARDED : TOCSIN_REVIEW_APPROVED, op.at_ns);
}

bool Reviewer::apply(tocsin_blame& op) {
  op.changed = 0;
  if (!blame_.run(op.notification_id, op.ordinal)) return false;
  op.changed = static_cast<std::uint32_t>(sqlite3_changes(work_.database.handle()));
  return true;
}

}  // namespace tocsin::sqlite
