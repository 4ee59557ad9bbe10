// Ids ascend with time, so history is purged along the ids: a cursor walks from the oldest
// notification, passes what must stay, and begins again when it meets what is too young. In a store
// that holds too much nothing is too young.
#include <algorithm>
#include <limits>
#include <string>

#include "operations.h"

namespace tocsin::sqlite {

bool Keeper::prepare() {
  const auto page_bytes = work_.database.number("PRAGMA page_size");
  if (!page_bytes) return false;
  page_bytes_ = *page_bytes;
  const std::string vacuum = "PRAGMA incremental_vacuum(" + std::to_string(kVacuumPages) + ")";
  return renew_.prepare(work_.database,
                        "UPDATE instances SET renewed_at = ?2, high_mark = max(high_mark, ?3) "
                        "WHERE epoch = ?1") &&
         // For each notification the number of deliveries that must stay.
         look_.prepare(work_.database,
                       "SELECT n.id, n.accepted_at, (SELECT count(*) FROM deliveries AS d "
                       "WHERE d.notification_id = n.id AND (d.state <= 2 OR d.updated_at >= ?2 OR "
                       "(d.state = 4 AND d.review <> 2))) "
                       "FROM notifications AS n WHERE n.id > ?1 ORDER BY n.id LIMIT ?3") &&
         delete_deliveries_.prepare(work_.database,
                                    "DELETE FROM deliveries WHERE notification_id = ?1") &&
         delete_notification_.prepare(work_.database, "DELETE FROM notifications WHERE id = ?1") &&
         pages_.prepare(work_.database, "PRAGMA page_count") &&
         free_pages_.prepare(work_.database, "PRAGMA freelist_count") &&
         vacuum_.prepare(work_.database, vacuum);
}

bool Keeper::apply(tocsin_renew& op) { return renew_.run(work_.epoch, op.at_ns, op.high_mark); }

bool Keeper::apply(tocsin_purge& op) {
  op.deleted = 0;
  op.more = 0;
  bool more_keys = false;
  bool more_records = false;
  if (!keys_.purge(op.now_ns, op.rows_max, op.deleted, more_keys) ||
      !records_.purge(op.now_ns, op.rows_max, op.deleted, more_records) || !measure(op) ||
      !purge_history(op)) {
    return false;
  }
  if (more_keys || more_records) op.more = 1;
  return vacuum();
}

// Pages that are free are used again before the file grows.
bool Keeper::measure(tocsin_purge& op) {
  op.oversize = 0;
  if (op.size_max == 0) return true;
  auto all = pages_.rows();
  auto free = free_pages_.rows();
  if (!all.next() || !free.next()) return false;
  const std::int64_t held = (all.number(0) - free.number(0)) * page_bytes_;
  op.oversize = static_cast<std::uint64_t>(held) > op.size_max ? 1 : 0;
  return true;
}

bool Keeper::purge_history(tocsin_purge& op) {
  const std::int64_t before =
      op.oversize != 0 ? std::numeric_limits<std::int64_t>::max() : op.before_ns;
  std::int64_t doomed[kLooksMax];
  std::uint32_t count = 0;
  std::uint32_t looked = 0;
  const std::uint32_t looks = std::min(kLooksMax, std::max(op.rows_max, 1U));
  {
    auto rows = look_.rows(cursor_, before, looks);
    while (rows.next()) {
      if (rows.number(1) >= before) break;  // and so is everything behind it
      ++looked;
      cursor_ = rows.number(0);
      if (rows.number(2) == 0) doomed[count++] = cursor_;
    }
    if (rows.failed()) return false;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    if (op.deleted >= op.rows_max) {
      cursor_ = doomed[i] - 1;
      op.more = 1;
      return true;
    }
    if (!delete_notification(doomed[i], op)) return false;
  }
  op.more = looked == looks ? 1 : 0;
  if (op.more == 0) cursor_ = 0;
  return true;
}

bool Keeper::delete_notification(std::int64_t id, tocsin_purge& op) {
  sqlite3* const database = work_.database.handle();
  if (!delete_deliveries_.run(id)) return false;
  op.deleted += static_cast<std::uint32_t>(sqlite3_changes(database));
  if (!delete_notification_.run(id)) return false;
  op.deleted += static_cast<std::uint32_t>(sqlite3_changes(database));
  return true;
}

bool Keeper::vacuum() {
  {
    auto rows = free_pages_.rows();
    if (!rows.next()) return !rows.failed();
    if (rows.number(0) <= kFreePagesKept) return true;
  }
  auto rows = vacuum_.rows();
  while (rows.next()) {
  }
  return !rows.failed();
}

}  // namespace tocsin::sqlite
