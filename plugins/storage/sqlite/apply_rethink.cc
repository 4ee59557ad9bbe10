// A newer notification supersedes earlier ones of its key; a scheduled one gets another time. Both
// are rare, and read what they change first, so that it can be counted by output.
#include <algorithm>
#include <string_view>
#include <vector>

#include "group_hash.h"
#include "operations.h"

namespace tocsin::sqlite {

namespace {

struct Earlier {
  std::uint64_t notification;
  std::uint32_t ordinal;
  std::uint32_t state;
  std::int64_t output;
};

}  // namespace

bool Rethinker::prepare() {
  Database& database = work_.database;
  return is_stored_.prepare(database, "SELECT 1 FROM notifications WHERE id = ?1") &&
         earlier_.prepare(database,
                          "SELECT d.notification_id, d.ordinal, d.state, d.output "
                          "FROM deliveries AS d INDEXED BY keyed "
                          "CROSS JOIN notifications AS n ON n.id = d.notification_id "
                          "WHERE d.state <= 2 AND d.key_hash <> 0 AND d.key_hash = ?1 "
                          "AND d.notification_id < ?2 AND d.cancel_requested = 0 "
                          "AND n.group_key = ?3 AND n.caller = ?4 "
                          "ORDER BY d.notification_id, d.ordinal LIMIT ?5") &&
         cancel_ready_.prepare(database,
                               "UPDATE deliveries SET state = 5, owner = 0, "
                               "reason = 'superseded', updated_at = ?3 WHERE notification_id = ?1 "
                               "AND ordinal = ?2") &&
         request_cancel_.prepare(database,
                                 "UPDATE deliveries SET cancel_requested = 1 "
                                 "WHERE notification_id = ?1 AND ordinal = ?2") &&
         notification_.prepare(database,
                               "SELECT caller, expires_at FROM notifications WHERE id = ?1") &&
         deliveries_of_.prepare(database,
                                "SELECT state, output, line, key_hash FROM deliveries "
                                "WHERE notification_id = ?1") &&
         reschedule_.prepare(database,
                             "UPDATE deliveries SET next_at = ?2, updated_at = ?3, owner = 0, "
                             "line = CASE WHEN line = 0 THEN 0 ELSE 2 END "
                             "WHERE notification_id = ?1 AND state = 0");
}

bool Rethinker::apply(tocsin_supersede& op) {
  op.cancelled = op.in_flight_count = op.more = 0;
  op.in_flight_ids = nullptr;
  const std::int64_t hash = group_hash(op.caller, op.group_key);
  if (hash == 0) return true;
  {
    auto rows = is_stored_.rows(op.notification_id);
    if (!rows.next()) return !rows.failed();
  }
  auto* found = static_cast<Earlier*>(work_.scratch.take(sizeof(Earlier) * op.limit));
  std::uint32_t count = 0;
  {
    auto rows = earlier_.rows(hash, op.notification_id, op.group_key, op.caller,
                              std::int64_t{op.limit} + 1);
    while (rows.next()) {
      if (count == op.limit) {
        op.more = 1;
        break;
      }
      found[count++] = {static_cast<std::uint64_t>(rows.number(0)), rows.small(1), rows.small(2),
                        rows.number(3)};
    }
    if (rows.failed()) return false;
  }
  std::vector<std::int64_t> outputs;
  auto* ids = static_cast<std::uint64_t*>(work_.scratch.take(sizeof(std::uint64_t) * op.limit));
  op.in_flight_ids = ids;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Earlier& one = found[i];
    if (one.state == TOCSIN_STATE_READY) {
      if (!cancel_ready_.run(one.notification, one.ordinal, op.at_ns)) return false;
      work_.backlog.add_ready(one.output, -1);
      if (std::ranges::count(outputs, one.output) == 0) outputs.push_back(one.output);
      ++op.cancelled;
      continue;
    }
    if (!request_cancel_.run(one.notification, one.ordinal)) return false;
    const bool again = op.in_flight_count > 0 && ids[op.in_flight_count - 1] == one.notification;
    if (!again) ids[op.in_flight_count++] = one.notification;
  }
  bool freed = false;
  return std::ranges::all_of(
      outputs, [&](std::int64_t output) { return work_.lines.advance(output, hash, freed); });
}

bool Rethinker::apply(tocsin_reschedule& op) {
  op.found = op.expires = op.rescheduled = op.in_flight = op.done = op.output_count = 0;
  op.outputs = nullptr;
  {
    auto rows = notification_.rows(op.notification_id);
    if (!rows.next()) return !rows.failed();
    const tocsin_str caller = rows.text(0);
    if (std::string_view(caller.ptr, caller.len) !=
        std::string_view(op.caller.ptr, op.caller.len)) {
      return true;
    }
    op.found = 1;
    op.expires = rows.number(1) != 0 && rows.number(1) <= op.next_at_ns ? 1 : 0;
  }
  left_lines_.clear();
  if (!find_ready(op)) return false;
  if (op.rescheduled == 0) return true;
  bool freed = false;
  return reschedule_.run(op.notification_id, op.next_at_ns, op.at_ns) &&
         std::ranges::all_of(left_lines_, [&](const auto& line) {
           return work_.lines.advance(line.first, line.second, freed);
         });
}

// Counts what there is, by state, and names the outputs of what is ready.
bool Rethinker::find_ready(tocsin_reschedule& op) {
  std::vector<std::int64_t> outputs;
  auto rows = deliveries_of_.rows(op.notification_id);
  while (rows.next()) {
    const std::uint32_t state = rows.small(0);
    if (state == TOCSIN_STATE_CLAIMED || state == TOCSIN_STATE_SENDING) ++op.in_flight;
    if (state > TOCSIN_STATE_SENDING) ++op.done;
    if (state != TOCSIN_STATE_READY || op.expires != 0) continue;
    ++op.rescheduled;
    const std::int64_t output = rows.number(1);
    if (rows.number(2) == TOCSIN_ORDER_JOIN) left_lines_.emplace_back(output, rows.number(3));
    if (std::ranges::count(outputs, output) == 0) outputs.push_back(output);
  }
  if (rows.failed()) return false;
  auto* names = static_cast<tocsin_str*>(work_.scratch.take(sizeof(tocsin_str) * outputs.size()));
  for (const std::int64_t output : outputs) {
    names[op.output_count++] = work_.scratch.copy(work_.backlog.name_of(output));
  }
  op.outputs = names;
  return true;
}

}  // namespace tocsin::sqlite
