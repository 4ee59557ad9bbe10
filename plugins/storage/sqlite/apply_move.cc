// As in a claim the rows are collected before they are changed: the change moves them within the
// very index that the search walks along.
#include "operations.h"

namespace tocsin::sqlite {

namespace {

struct Row {
  std::int64_t notification;
  std::int64_t ordinal;
};

}  // namespace

bool Mover::prepare() {
  return ready_.prepare(work_.database,
                        "SELECT notification_id, ordinal FROM deliveries INDEXED BY unsettled "
                        "WHERE state <= 2 AND owner = 0 AND output = ?1 "
                        "ORDER BY class, next_at, notification_id, ordinal LIMIT ?2") &&
         dead_.prepare(work_.database,
                       "SELECT notification_id, ordinal FROM deliveries INDEXED BY dead_by_output "
                       "WHERE state = 4 AND output = ?1 AND review <> 2 "
                       "ORDER BY notification_id, ordinal LIMIT ?2") &&
         move_.prepare(work_.database,
                       "UPDATE deliveries SET output = ?3 "
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
      found[count++] = {rows.number(0), rows.number(1)};
    }
    if (rows.failed()) return false;
  }
  if (count == 0) return true;
  const std::int64_t to = work_.backlog.number_of(op.to);
  if (to == 0) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!move_.run(found[i].notification, found[i].ordinal, to)) return false;
  }
  const auto add = op.dead != 0 ? &Backlog::add_dead : &Backlog::add_ready;
  (work_.backlog.*add)(from, -std::int64_t{count});
  (work_.backlog.*add)(to, count);
  op.moved = count;
  return true;
}

}  // namespace tocsin::sqlite
