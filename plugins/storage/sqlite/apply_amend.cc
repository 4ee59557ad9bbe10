// What a provider says later is rare, and conditional on what was read before it was decided: the
// row is looked up again, so that what changes can be counted by output.
#include "operations.h"

namespace tocsin::sqlite {

bool Amender::prepare() {
  Database& database = work_.database;
  return find_.prepare(database,
                       "SELECT output, review, mirror, line, key_hash FROM deliveries "
                       "WHERE notification_id = ?1 AND ordinal = ?2 AND state = ?3 "
                       "AND updated_at = ?4 AND state NOT IN (1, 2)") &&
         move_.prepare(database,
                       "UPDATE deliveries SET state = ?3, owner = 0, updated_at = ?4, "
                       "reason = ?5, redrive_at = 0, "
                       "next_at = CASE WHEN ?3 = 4 THEN ?4 ELSE next_at END, "
                       "review = CASE WHEN ?3 = 4 THEN 0 ELSE review END, "
                       "provider_id = CASE WHEN provider_id = '' THEN ?6 ELSE provider_id END "
                       "WHERE notification_id = ?1 AND ordinal = ?2") &&
         tell_.prepare(database,
                       "UPDATE deliveries SET "
                       "updated_at = CASE WHEN ?4 = '' THEN updated_at ELSE ?3 END, "
                       "redrive_at = CASE WHEN ?4 = '' THEN redrive_at ELSE 0 END, "
                       "reason = CASE WHEN ?4 = '' THEN reason ELSE ?4 END, "
                       "provider_id = CASE WHEN provider_id = '' THEN ?5 ELSE provider_id END "
                       "WHERE notification_id = ?1 AND ordinal = ?2");
}

bool Amender::apply(tocsin_amend& op) {
  op.changed = op.mirror = op.successor_ordinal = op.freed = 0;
  const bool possible =
      op.state == op.was || op.state == TOCSIN_STATE_DELIVERED || op.state == TOCSIN_STATE_DEAD;
  if (!possible) return true;
  std::int64_t output = 0;
  std::int64_t key = 0;
  bool discarded = false;
  bool in_line = false;
  {
    auto rows = find_.rows(op.notification_id, op.ordinal, op.was, op.was_updated_at_ns);
    if (!rows.next()) return !rows.failed();
    output = rows.number(0);
    discarded = rows.number(1) == TOCSIN_REVIEW_DISCARDED;
    op.mirror = rows.number(2) != 0 ? 1 : 0;
    in_line = rows.number(3) == TOCSIN_ORDER_JOIN;
    key = rows.number(4);
  }
  op.changed = 1;
  if (op.state == op.was) {
    return tell_.run(op.notification_id, op.ordinal, op.at_ns, op.reason, op.provider_id) &&
           add_successor(op);
  }
  if (!move_on(op, output, discarded) || !add_successor(op)) return false;
  bool freed = false;
  const bool leaves = in_line && op.was == TOCSIN_STATE_READY;
  if (leaves && !work_.lines.advance(output, key, freed)) return false;
  op.freed = freed ? 1 : 0;
  return true;
}

bool Amender::move_on(tocsin_amend& op, std::int64_t output, bool discarded) {
  if (!move_.run(op.notification_id, op.ordinal, op.state, op.at_ns, op.reason, op.provider_id)) {
    return false;
  }
  if (op.was == TOCSIN_STATE_READY) work_.backlog.add_ready(output, -1);
  if (op.was == TOCSIN_STATE_DEAD && !discarded) work_.backlog.add_dead(output, -1);
  if (op.state == TOCSIN_STATE_DEAD) work_.backlog.add_dead(output, 1);
  return true;
}

bool Amender::add_successor(tocsin_amend& op) {
  if (op.successor == nullptr || op.mirror != 0 || op.state != TOCSIN_STATE_DEAD) return true;
  return settler_.add_successor(op.notification_id, op.ordinal, op.at_ns, *op.successor,
                                op.successor_ordinal);
}

}  // namespace tocsin::sqlite
