// Settling is one UPDATE in place, conditional on our epoch. `owner` goes back to 0 with every
// state that nobody holds; `review` with every new dead letter, for between a redrive and its end
// it says that the delivery is one. Its next_at is when it died, whoever looks at it later.
#include "operations.h"

namespace tocsin::sqlite {

namespace {

// A cancel that was asked for meanwhile stops everything but what has arrived, also an attempt that
// is only about to begin.
bool outruns_cancel(std::uint32_t state) { return state == TOCSIN_STATE_DELIVERED; }

bool stays_ours(std::uint32_t state) {
  return state == TOCSIN_STATE_CLAIMED || state == TOCSIN_STATE_SENDING;
}

}  // namespace

bool Settler::prepare() {
  return settle_.prepare(work_.database,
                         "UPDATE deliveries SET state = ?4, owner = ?5, attempts = ?6, "
                         "crashes = ?7, updated_at = ?8, "
                         "next_at = CASE ?4 WHEN 0 THEN ?9 WHEN 4 THEN ?8 ELSE next_at END, "
                         "reason = ?10, "
                         "provider_id = ?11, review = CASE WHEN ?4 = 4 THEN 0 ELSE review END, "
                         "redrive_at = ?13 "
                         "WHERE notification_id = ?1 AND ordinal = ?2 AND owner = ?3 "
                         "AND state IN (1, 2) AND (cancel_requested = 0 OR ?12)") &&
         settle_cancelled_.prepare(work_.database,
                                   "UPDATE deliveries SET state = 5, owner = 0, attempts = ?4, "
                                   "crashes = ?5, updated_at = ?6, reason = ?7 "
                                   "WHERE notification_id = ?1 AND ordinal = ?2 AND owner = ?3 "
                                   "AND state IN (1, 2) AND cancel_requested = 1") &&
         output_of_.prepare(work_.database,
                            "SELECT output FROM deliveries "
                            "WHERE notification_id = ?1 AND ordinal = ?2") &&
         key_of_.prepare(work_.database,
                         "SELECT key_hash FROM deliveries "
                         "WHERE notification_id = ?1 AND ordinal = ?2") &&
         add_successor_.prepare(
             work_.database,
             "INSERT INTO deliveries (notification_id, ordinal, output, class, "
             "state, owner, next_at, updated_at, attempts, crashes, "
             "cancel_requested, review, address, reason, provider_id, "
             "key_hash, mirror, line) "
             "SELECT notification_id, (SELECT max(ordinal) + 1 FROM deliveries "
             "WHERE notification_id = ?1), ?3, class, 0, ?8, ?4, ?5, 0, 0, 0, 0, "
             "?6, '', '', key_hash, max(mirror, ?7), ?9 FROM deliveries "
             "WHERE notification_id = ?1 AND ordinal = ?2 RETURNING ordinal");
}

bool Settler::apply(tocsin_settle& op) {
  op.changed = 0;
  op.cancelled = 0;
  op.successor_ordinal = 0;
  op.freed = 0;
  if (op.state > TOCSIN_STATE_FELL_BACK) return true;
  const std::int64_t owner = stays_ours(op.state) ? work_.epoch : 0;
  if (!settle_.run(op.notification_id, op.ordinal, work_.epoch, op.state, owner, op.attempts,
                   op.crashes, op.at_ns, op.next_at_ns, op.reason, op.provider_id,
                   outruns_cancel(op.state) ? 1 : 0,
                   op.state == TOCSIN_STATE_DEAD ? op.redrive_at_ns : std::int64_t{0})) {
    return false;
  }
  if (sqlite3_changes(work_.database.handle()) == 1) {
    op.changed = 1;
    return count(op) &&
           (op.successor == nullptr || add_successor(op.notification_id, op.ordinal, op.at_ns,
                                                     *op.successor, op.successor_ordinal)) &&
           free_line(op);
  }
  if (outruns_cancel(op.state)) return true;
  if (!settle_cancelled_.run(op.notification_id, op.ordinal, work_.epoch, op.attempts, op.crashes,
                             op.at_ns, op.reason)) {
    return false;
  }
  op.cancelled = static_cast<std::uint32_t>(sqlite3_changes(work_.database.handle()));
  op.changed = op.cancelled;
  return op.changed == 0 || free_line(op);
}

bool Settler::free_line(tocsin_settle& op) {
  const bool over = op.cancelled != 0 || op.state > TOCSIN_STATE_SENDING;
  if (op.in_line == 0 || !over) return true;
  bool freed = false;
  if (!work_.lines.advance_line_of(op.notification_id, op.ordinal, freed)) return false;
  op.freed = freed ? 1 : 0;
  return true;
}

// Only what joins the backlog or the dead letters needs to know its output.
bool Settler::count(const tocsin_settle& op) {
  if (op.state != TOCSIN_STATE_READY && op.state != TOCSIN_STATE_DEAD) return true;
  auto rows = output_of_.rows(op.notification_id, op.ordinal);
  if (!rows.next()) return false;
  if (op.state == TOCSIN_STATE_READY) {
    work_.backlog.add_ready(rows.number(0), 1);
  } else {
    work_.backlog.add_dead(rows.number(0), 1);
  }
  return true;
}

bool Settler::add_successor(std::uint64_t notification, std::uint32_t follows, std::int64_t at_ns,
                            const tocsin_new_delivery& next, std::uint32_t& ordinal) {
  const std::int64_t output = work_.backlog.number_of(next.output);
  if (output == 0) return false;
  std::int64_t owner = 0;
  std::int64_t line = 0;
  if (next.ordering != TOCSIN_ORDER_NONE) {
    auto key = key_of_.rows(notification, follows);
    if (!key.next()) return false;
    line = key.number(0) != 0 ? std::int64_t{next.ordering} : 0;
    if (line == TOCSIN_ORDER_JOIN && !work_.lines.join(output, key.number(0), owner)) return false;
  }
  auto rows = add_successor_.rows(notification, follows, output, next.next_at_ns, at_ns,
                                  next.address, next.mirror, owner, line);
  if (!rows.next()) return false;
  ordinal = rows.small(0);
  work_.backlog.add_ready(output, 1);
  return true;
}

}  // namespace tocsin::sqlite
