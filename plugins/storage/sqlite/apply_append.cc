// Append is the hot path: one row in `notifications`, one in `deliveries` and one entry of its
// index for each delivery, all at or near the ends of their trees.
#include "group_hash.h"
#include "operations.h"

namespace tocsin::sqlite {

namespace {

constexpr std::int64_t kCodecVersion = 1;

std::string_view view(tocsin_str text) { return {text.ptr, text.len}; }

const tocsin_new_delivery& row_at(const tocsin_append& op, std::uint32_t index) {
  const auto* bytes = reinterpret_cast<const char*>(op.deliveries);
  return *reinterpret_cast<const tocsin_new_delivery*>(bytes +
                                                       std::size_t{index} * op.delivery_stride);
}

}  // namespace

bool Appender::prepare() {
  return keys_.load(work_.database) &&
         insert_notification_.prepare(
             work_.database,
             "INSERT INTO notifications (id, codec, level, accepted_at, expires_at, input, caller, "
             "topic, external_id, payload, group_key) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
             "ON CONFLICT (id) DO NOTHING") &&
         insert_delivery_.prepare(
             work_.database,
             "INSERT INTO deliveries (notification_id, ordinal, output, class, state, owner, "
             "next_at, updated_at, attempts, crashes, cancel_requested, review, address, reason, "
             "provider_id, key_hash, mirror, line) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0, 0, ?9, '', '', ?10, ?11, ?12)") &&
         read_position_.prepare(work_.database, "SELECT next FROM streams WHERE name = ?1") &&
         write_position_.prepare(work_.database,
                                 "INSERT INTO streams (name, next) VALUES (?1, ?2) "
                                 "ON CONFLICT (name) DO UPDATE SET next = excluded.next");
}

bool Appender::apply(tocsin_append& op) {
  op.outcome = TOCSIN_APPEND_COMMITTED;
  op.earlier_id = 0;
  op.earlier_deliveries = 0;
  op.earlier_dropped_by = {nullptr, 0};
  Positions::iterator position = positions_.end();
  if (op.stream.len != 0) {
    if (!position_of(view(op.stream), position)) return false;
    if (op.stream_first < position->second) {
      op.outcome = TOCSIN_APPEND_SKIPPED;
      return true;
    }
  }
  if (op.keyed != 0) {
    if (!arbitrate_key(op)) return false;
    if (op.outcome != TOCSIN_APPEND_COMMITTED) return true;
  }
  if (!write(op)) return false;
  if (position != positions_.end()) position->second = op.stream_next;
  return true;
}

bool Appender::arbitrate_key(tocsin_append& op) {
  KeyIndex::Known known;
  switch (keys_.find({op.key_hash[0], op.key_hash[1]}, op.accepted_at_ns, known)) {
    case KeyIndex::Lookup::kFailed:
      return false;
    case KeyIndex::Lookup::kAbsent:
      return true;
    case KeyIndex::Lookup::kFound:
      break;
  }
  if (known.id == op.id) return true;  // the same append again
  const bool same = known.body[0] == op.body_hash[0] && known.body[1] == op.body_hash[1];
  op.outcome = same ? TOCSIN_APPEND_REPLAYED : TOCSIN_APPEND_CONFLICT;
  op.earlier_id = known.id;
  op.earlier_deliveries = known.deliveries;
  op.earlier_dropped_by = work_.scratch.copy(known.dropped_by);
  return true;
}

bool Appender::write(const tocsin_append& op) {
  if (op.keyed != 0 && !keys_.add(op)) return false;
  if (op.delivery_count == 0) return true;
  if (!insert_notification_.run(op.id, kCodecVersion, op.level, op.accepted_at_ns, op.expires_at_ns,
                                op.input, op.caller, op.topic, op.external_id, op.payload,
                                op.group_key)) {
    return false;
  }
  const bool stored_already = sqlite3_changes(work_.database.handle()) == 0;
  if (stored_already) return true;
  const std::int64_t hash = group_hash(op.caller, op.group_key);
  for (std::uint32_t ordinal = 0; ordinal < op.delivery_count; ++ordinal) {
    if (!write_delivery(op, ordinal, row_at(op, ordinal), hash)) return false;
  }
  return true;
}

bool Appender::write_delivery(const tocsin_append& op, std::uint32_t ordinal,
                              const tocsin_new_delivery& row, std::int64_t hash) {
  const std::int64_t output = work_.backlog.number_of(row.output);
  if (output == 0) return false;
  const bool claimed = row.state == TOCSIN_STATE_CLAIMED;
  const std::uint32_t line = hash != 0 && !claimed ? row.ordering : 0;
  std::int64_t owner = claimed ? work_.epoch : 0;
  if (line == TOCSIN_ORDER_JOIN && !work_.lines.join(output, hash, owner)) return false;
  if (!insert_delivery_.run(op.id, ordinal, output, row.delivery_class,
                            claimed ? TOCSIN_STATE_CLAIMED : TOCSIN_STATE_READY, owner,
                            row.next_at_ns, op.accepted_at_ns, row.address, hash, row.mirror,
                            line)) {
    return false;
  }
  if (!claimed) work_.backlog.add_ready(output, 1);
  return true;
}

bool Appender::position_of(std::string_view stream, Positions::iterator& position) {
  position = positions_.find(stream);
  if (position != positions_.end()) return true;
  auto rows = read_position_.rows(stream);
  std::uint64_t next = 0;
  if (rows.next()) next = static_cast<std::uint64_t>(rows.number(0));
  if (rows.failed()) return false;
  position = positions_.emplace(std::string(stream), next).first;
  return true;
}

bool Appender::finish() {
  for (const auto& [stream, next] : positions_) {
    if (!write_position_.run(std::string_view(stream), next)) return false;
  }
  return keys_.finish();
}

void Appender::commit() {
  positions_.clear();
  keys_.commit();
}

void Appender::rollback() {
  positions_.clear();
  keys_.rollback();
}

}  // namespace tocsin::sqlite
