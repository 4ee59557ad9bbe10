// The index `lines` holds what is in line and nothing else: (output, key_hash, owner, next_at). The
// first of a line has an owner from 0 on, the others -1, so each question is one search.
#include "lines.h"

#include <limits>

namespace tocsin::sqlite {

bool Lines::prepare(Database& database) {
  return first_.prepare(database,
                        "SELECT 1 FROM deliveries INDEXED BY lines WHERE state <= 2 AND line = 1 "
                        "AND output = ?1 AND key_hash = ?2 AND owner >= 0 LIMIT 1") &&
         next_.prepare(database,
                       "SELECT notification_id, ordinal FROM deliveries INDEXED BY lines "
                       "WHERE state <= 2 AND line = 1 AND output = ?1 AND key_hash = ?2 "
                       "AND owner = -1 ORDER BY next_at, notification_id, ordinal LIMIT 1") &&
         promote_.prepare(database,
                          "UPDATE deliveries SET owner = 0 "
                          "WHERE notification_id = ?1 AND ordinal = ?2") &&
         line_of_.prepare(database,
                          "SELECT output, key_hash FROM deliveries "
                          "WHERE notification_id = ?1 AND ordinal = ?2") &&
         lines_.prepare(database,
                        "SELECT output, key_hash FROM deliveries INDEXED BY lines "
                        "WHERE state <= 2 AND line = 1 AND (output, key_hash) > (?1, ?2) "
                        "ORDER BY output, key_hash LIMIT 1");
}

bool Lines::has_first(std::int64_t output, std::int64_t key, bool& has) {
  auto rows = first_.rows(output, key);
  has = rows.next();
  return !rows.failed();
}

bool Lines::join(std::int64_t output, std::int64_t key, std::int64_t& owner) {
  bool has = false;
  if (!has_first(output, key, has)) return false;
  owner = has ? kBehind : 0;
  return true;
}

bool Lines::advance(std::int64_t output, std::int64_t key, bool& freed) {
  bool has = false;
  if (!has_first(output, key, has)) return false;
  if (has) return true;
  std::int64_t notification = 0;
  std::int64_t ordinal = 0;
  {
    auto rows = next_.rows(output, key);
    if (!rows.next()) return !rows.failed();
    notification = rows.number(0);
    ordinal = rows.number(1);
  }
  freed = true;
  return promote_.run(notification, ordinal);
}

bool Lines::advance_line_of(std::uint64_t notification, std::uint32_t ordinal, bool& freed) {
  std::int64_t output = 0;
  std::int64_t key = 0;
  {
    auto rows = line_of_.rows(notification, ordinal);
    if (!rows.next()) return !rows.failed();
    output = rows.number(0);
    key = rows.number(1);
  }
  return advance(output, key, freed);
}

bool Lines::mend() {
  std::int64_t output = 0;
  std::int64_t key = std::numeric_limits<std::int64_t>::min();
  for (bool freed = false;;) {
    {
      auto rows = lines_.rows(output, key);
      if (!rows.next()) return !rows.failed();
      output = rows.number(0);
      key = rows.number(1);
    }
    if (!advance(output, key, freed)) return false;
  }
}

}  // namespace tocsin::sqlite
