// Records lie in the order of collection and key, each with the version its last put gave it. Only
// those with an end are in a second index, so that a purge finds them without looking at the rest.
#include "operations.h"

namespace tocsin::sqlite {

namespace {

Blob bytes_of(tocsin_str text) { return {text.ptr, text.len}; }

}  // namespace

bool Recorder::prepare() {
  return version_of_.prepare(work_.database,
                             "SELECT version FROM records WHERE collection = ?1 AND key = ?2 "
                             "AND (expires_at = 0 OR expires_at > ?3)") &&
         put_.prepare(work_.database,
                      "INSERT INTO records (collection, key, version, expires_at, value) "
                      "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (collection, key) DO UPDATE SET "
                      "version = excluded.version, expires_at = excluded.expires_at, "
                      "value = excluded.value") &&
         remove_.prepare(work_.database,
                         "DELETE FROM records WHERE collection = ?1 AND key = ?2") &&
         purge_.prepare(work_.database,
                        "DELETE FROM records WHERE (collection, key) IN (SELECT collection, key "
                        "FROM records INDEXED BY records_ending "
                        "WHERE expires_at > 0 AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2)");
}

bool Recorder::apply(tocsin_record_change& op) {
  op.changed = 0;
  op.found_version = 0;
  {
    auto rows = version_of_.rows(op.collection, bytes_of(op.key), op.now_ns);
    if (rows.next()) op.found_version = static_cast<std::uint64_t>(rows.number(0));
    if (rows.failed()) return false;
  }
  const bool met = op.if_version == TOCSIN_VERSION_ANY || op.if_version == op.found_version;
  if (op.verb == TOCSIN_RECORD_REMOVE) {
    if (!met || op.found_version == 0) return true;
    op.changed = 1;
    return remove_.run(op.collection, bytes_of(op.key));
  }
  const bool put_already = op.found_version == op.version;
  if (!met && !put_already) return true;
  op.changed = 1;
  return put_.run(op.collection, bytes_of(op.key), op.version, op.expires_at_ns,
                  bytes_of(op.value));
}

bool Recorder::purge(std::int64_t now_ns, std::uint32_t rows_max, std::uint32_t& deleted,
                     bool& more) {
  if (!purge_.run(now_ns, rows_max)) return false;
  const auto gone = static_cast<std::uint32_t>(sqlite3_changes(work_.database.handle()));
  deleted += gone;
  more = gone == rows_max;
  return true;
}

}  // namespace tocsin::sqlite
