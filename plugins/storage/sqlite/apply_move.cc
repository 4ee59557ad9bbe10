// As in a claim the rows are collected before they are changed: the change moves them within the
// very index that the search walks along.
#include "operations.h"

namespace tocsin::sqlite {

namespace {

struct Row {
  std::int64_t notification;
  std::int64_t ordinal;
  std::int64_t line;
  std::int64_t key;
};

}  // namespace

bool Mover::prepare() {
  return ready_.prepare(work_.database,
                        "SELECT notification_id, ordinal, line, key_hash "
                        "FROM deliveries INDEXED BY unsettled "
                        "WHERE state <= 2 AND owner = 0 AND output = ?1 "
                        "ORDER BY class, next_at, notification_id, ordinal LIMIT ?2") &&
         dead_.prepare(work_.database,
                       "SELECT notification_id, ordinal, 0, 0 "
                       "FROM deliveries INDEXED BY dead_by_output "
                       "WHERE state = 4 AND output = ?1 AND review <> 2 "
                       "ORDER BY notification_id, ordinal LIMIT ?2") &&
         move_.prepare(work_.database,
                       "UPDATE deliveries SET output = ?3, line = 0 "
                       "WHERE notification_id = ?1 AND ordinal = ?2");
}

bool Mover::apply(tocsin_move& op) {
  op.moved = op.more = 0;
  const std::int64_t from = work_.backlog.find(op.from);
  if (from == 0 || from == work_.backlog.find(op.to)) return true;
  auto* found = static_cast<Row*>(work_.scratch.take(sizeof(Row) * op.limit));
  std::uint32_t count = 0;
  {
    auto rows = (op.dead != 0 ? dead_ : ready_).rows(from, std::int64_t{op.limit} + 1);
    while (rows.next()) {
      if (count == op.limit) {
        op.more = 1;
        break;
      }
      found[count++] = {rows.number(0), rows.number(1), rows.number(2), rows.number(3)};
    }
    if (rows.failed()) return false;
  }
  if (count == 0) return true;
  const std::int64_t to = work_.backlog.number_of(op.to);
  if (to == 0) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Row& row = found[i];
    if (!move_.run(row.notification, row.ordinal, to)) return false;
    bool freed = false;
    const bool in_line = row.line == TOCSIN_ORDER_JOIN;
    if (in_line && !work_.lines.advance(from, row.key, freed)) return false;
    if (freed) op.more = 1;
  }
  const auto add = op.dead != 0 ? &Backlog::add_dead : &Backlog::add_ready;
  (work_.backlog.*add)(from, -std::int64_t{count});
  (work_.backlog.*add)(to, count);
  op.moved = count;
  return true;
}

}  // namespace tocsin::sqlite
