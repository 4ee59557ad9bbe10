// A claim first collects the rows and then changes them: an UPDATE moves its row within the very
// index that the search walks along.
#include "operations.h"

namespace tocsin::sqlite {

bool Claimer::prepare() {
  return find_.prepare(
             work_.database,
             "SELECT d.notification_id, d.ordinal, d.attempts, d.crashes, d.next_at, d.address, "
             "n.payload, n.accepted_at, n.expires_at, d.review, d.redrives, d.mirror, d.line, "
             "d.key_hash "
             "FROM deliveries AS d INDEXED BY unsettled "
             "CROSS JOIN notifications AS n ON n.id = d.notification_id "
             "WHERE d.state <= 2 AND d.owner = 0 AND d.output = ?1 AND d.class = ?2 "
             "AND d.next_at <= ?3 "
             "ORDER BY d.next_at, d.notification_id, d.ordinal LIMIT ?4") &&
         claim_.prepare(work_.database,
                        "UPDATE deliveries SET state = 1, owner = ?3 "
                        "WHERE notification_id = ?1 AND ordinal = ?2") &&
         join_.prepare(work_.database,
                       "UPDATE deliveries SET line = 1, owner = ?3 "
                       "WHERE notification_id = ?1 AND ordinal = ?2") &&
         next_due_.prepare(work_.database,
                           "SELECT next_at FROM deliveries INDEXED BY unsettled "
                           "WHERE state <= 2 AND owner = 0 AND output = ?1 AND class = ?2 "
                           "ORDER BY next_at LIMIT 1") &&
         owned_.prepare(work_.database,
                        "SELECT d.notification_id, d.ordinal, d.state, d.class, d.attempts, "
                        "d.crashes, o.name FROM deliveries AS d INDEXED BY unsettled "
                        "CROSS JOIN outputs AS o ON o.id = d.output "
                        "WHERE d.state <= 2 AND d.owner = ?1 "
                        "AND (d.notification_id, d.ordinal) > (?2, ?3) "
                        "ORDER BY d.notification_id, d.ordinal LIMIT ?4");
}

bool Claimer::apply(tocsin_claim& op) {
  op.claimed = nullptr;
  op.claimed_count = 0;
  op.claimed_stride = sizeof(tocsin_claimed_delivery);
  op.next_due_ns = 0;
  const std::int64_t output = work_.backlog.find(op.output);
  if (output == 0) return true;
  auto* claimed = static_cast<tocsin_claimed_delivery*>(
      work_.scratch.take(sizeof(tocsin_claimed_delivery) * op.limit));
  std::uint32_t count = 0;
  if (!collect(op, output, claimed, count)) return false;
  if (!let_join(output, claimed, count)) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!claim_.run(claimed[i].notification_id, claimed[i].ordinal, work_.epoch)) return false;
  }
  work_.backlog.add_ready(output, -static_cast<std::int64_t>(count));
  op.claimed = claimed;
  op.claimed_count = count;
  auto due = next_due_.rows(output, op.delivery_class);
  if (due.next()) op.next_due_ns = due.number(0);
  return !due.failed();
}

// Sorted here, since the index has no order of ids within an owner: what one epoch owns is no more
// than its lanes hold.
bool Claimer::apply(tocsin_owned& op) {
  op.owned = nullptr;
  op.owned_count = 0;
  op.owned_stride = sizeof(tocsin_owned_delivery);
  const std::int64_t after_ordinal = op.after_notification_id == 0 ? -1 : op.after_ordinal;
  auto* owned = static_cast<tocsin_owned_delivery*>(
      work_.scratch.take(sizeof(tocsin_owned_delivery) * op.limit));
  const auto after = static_cast<std::int64_t>(op.after_notification_id);
  auto rows = owned_.rows(work_.epoch, after, after_ordinal, op.limit);
  while (rows.next()) {
    tocsin_owned_delivery& one = owned[op.owned_count++];
    one = {};
    one.notification_id = static_cast<std::uint64_t>(rows.number(0));
    one.ordinal = rows.small(1);
    one.state = rows.small(2);
    one.delivery_class = rows.small(3);
    one.attempts = rows.small(4);
    one.crashes = rows.small(5);
    one.output = work_.scratch.copy(rows.text(6));
  }
  op.owned = owned;
  return !rows.failed();
}

bool Claimer::collect(const tocsin_claim& op, std::int64_t output, tocsin_claimed_delivery* claimed,
                      std::uint32_t& count) {
  keys_.clear();
  auto rows = find_.rows(output, op.delivery_class, op.now_ns, op.limit);
  while (rows.next()) {
    tocsin_claimed_delivery& one = claimed[count++];
    one = {};
    one.notification_id = static_cast<std::uint64_t>(rows.number(0));
    one.ordinal = rows.small(1);
    one.attempts = rows.small(2);
    one.crashes = rows.small(3);
    one.next_at_ns = rows.number(4);
    one.address = work_.scratch.copy(rows.text(5));
    one.payload = work_.scratch.copy(rows.text(6));
    one.accepted_at_ns = rows.number(7);
    one.expires_at_ns = rows.number(8);
    one.redriven = rows.small(9) == TOCSIN_REVIEW_APPROVED ? 1 : 0;
    one.redrives = rows.small(10);
    one.mirror = rows.small(11);
    one.in_line = rows.small(12);
    keys_.push_back(rows.number(13));
  }
  return !rows.failed();
}

// What is due joins its line: as the first, which is claimed, or behind, where claims do not see
// it.
bool Claimer::let_join(std::int64_t output, tocsin_claimed_delivery* claimed,
                       std::uint32_t& count) {
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    tocsin_claimed_delivery one = claimed[i];
    if (one.in_line == TOCSIN_ORDER_WHEN_DUE) {
      std::int64_t owner = 0;
      if (!work_.lines.join(output, keys_[i], owner) ||
          !join_.run(one.notification_id, one.ordinal, owner)) {
        return false;
      }
      if (owner == Lines::kBehind) continue;
      one.in_line = 1;
    }
    claimed[kept++] = one;
  }
  count = kept;
  return true;
}

}  // namespace tocsin::sqlite
