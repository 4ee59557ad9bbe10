// Dead letters whose time has come, or what stopped them ended, go back to the ready ones. As in a
// claim the rows are collected before they are changed: the change moves them out of the index that
// the search walks along.
#include "operations.h"

namespace tocsin::sqlite {

namespace {

struct Due {
  std::int64_t notification;
  std::int64_t ordinal;
  std::int64_t output;
};

bool collect(Statement::Rows rows, Due* found, std::uint32_t& count) {
  while (rows.next()) found[count++] = {rows.number(0), rows.number(1), rows.number(2)};
  return !rows.failed();
}

}  // namespace

bool Reviver::prepare() {
  return due_.prepare(work_.database,
                      "SELECT notification_id, ordinal, output FROM deliveries INDEXED BY dead_due "
                      "WHERE state = 4 AND redrive_at > 0 AND redrive_at <= ?1 "
                      "ORDER BY redrive_at LIMIT ?2") &&
         waiting_.prepare(work_.database,
                          "SELECT notification_id, ordinal, output FROM deliveries "
                          "INDEXED BY dead_waiting WHERE state = 4 AND output = ?1 AND "
                          "redrive_at > 0 ORDER BY redrive_at LIMIT ?2") &&
         redrive_.prepare(work_.database,
                          "UPDATE deliveries SET state = 0, owner = 0, attempts = 0, crashes = 0, "
                          "cancel_requested = 0, redrive_at = 0, line = 0, "
                          "redrives = redrives + 1, "
                          "next_at = ?3, updated_at = ?3 "
                          "WHERE notification_id = ?1 AND ordinal = ?2") &&
         next_due_.prepare(work_.database,
                           "SELECT redrive_at FROM deliveries INDEXED BY dead_due "
                           "WHERE state = 4 AND redrive_at > 0 ORDER BY redrive_at LIMIT 1");
}

bool Reviver::apply(tocsin_redrive_due& op) {
  op.redriven = op.output_count = 0;
  op.next_due_ns = 0;
  op.outputs = nullptr;
  auto* found = static_cast<Due*>(work_.scratch.take(sizeof(Due) * op.limit));
  const bool collected =
      op.output.len == 0
          ? collect(due_.rows(op.now_ns, op.limit), found, op.redriven)
          : collect(waiting_.rows(work_.backlog.find(op.output), op.limit), found, op.redriven);
  if (!collected) return false;
  auto* names = static_cast<tocsin_str*>(work_.scratch.take(sizeof(tocsin_str) * op.redriven));
  for (std::uint32_t i = 0; i < op.redriven; ++i) {
    const Due& one = found[i];
    if (!redrive_.run(one.notification, one.ordinal, op.now_ns)) return false;
    work_.backlog.add_dead(one.output, -1);
    work_.backlog.add_ready(one.output, 1);
    names[op.output_count++] = work_.scratch.copy(work_.backlog.name_of(one.output));
  }
  op.outputs = names;
  auto next = next_due_.rows();
  if (next.next()) op.next_due_ns = next.number(0);
  return !next.failed();
}

}  // namespace tocsin::sqlite
