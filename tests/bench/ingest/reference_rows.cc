// The tables are those of plugins/storage/sqlite/schema.cc that a notification touches; when they
// change there, they change here.
#include "tests/bench/ingest/reference_rows.h"

#include <cstdio>
#include <cstdlib>

namespace tocsin::bench {

namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE outputs (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, ready INTEGER NOT NULL, dead INTEGER NOT NULL
) STRICT;
INSERT INTO outputs VALUES (1, 'held', 0, 0);
CREATE TABLE notifications (
  id INTEGER PRIMARY KEY, codec INTEGER NOT NULL, level INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, input TEXT NOT NULL,
  caller TEXT NOT NULL, topic TEXT NOT NULL, external_id TEXT NOT NULL, payload TEXT NOT NULL
) STRICT;
CREATE TABLE deliveries (
  notification_id INTEGER NOT NULL, ordinal INTEGER NOT NULL, output INTEGER NOT NULL,
  class INTEGER NOT NULL, state INTEGER NOT NULL, owner INTEGER NOT NULL,
  next_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, attempts INTEGER NOT NULL,
  crashes INTEGER NOT NULL, cancel_requested INTEGER NOT NULL, review INTEGER NOT NULL,
  address TEXT NOT NULL, reason TEXT NOT NULL, provider_id TEXT NOT NULL,
  PRIMARY KEY (notification_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX unsettled ON deliveries (owner, output, class, next_at) WHERE state <= 2;
CREATE INDEX dead_by_output ON deliveries (output, notification_id, ordinal, review)
  WHERE state = 4;
CREATE INDEX dead_by_id ON deliveries (notification_id, ordinal) WHERE state = 4;
)sql";

constexpr int kCriticalLevel = 6;

}  // namespace

ReferenceRows::ReferenceRows(const std::string& path) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &database_, flags, nullptr) != SQLITE_OK) give_up();
  run("PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
      "PRAGMA secure_delete=OFF; PRAGMA cache_size=-8192; PRAGMA wal_autocheckpoint=2048");
  run(kTables);
  begin_ = prepare("BEGIN IMMEDIATE");
  commit_ = prepare("COMMIT");
  notification_ =
      prepare("INSERT INTO notifications VALUES (?1, 1, ?2, ?3, 0, 'api', 'local', ?4, '', ?5)");
  delivery_ =
      prepare("INSERT INTO deliveries VALUES (?1, 0, 1, ?2, 0, 0, ?3, ?3, 0, 0, 0, 0, '', '', '')");
  count_ = prepare("UPDATE outputs SET ready = ready + ?1 WHERE id = 1");
}

ReferenceRows::~ReferenceRows() {
  for (sqlite3_stmt* one : {begin_, commit_, notification_, delivery_, count_}) {
    sqlite3_finalize(one);
  }
  sqlite3_close(database_);
}

void ReferenceRows::begin() { step(begin_); }

void ReferenceRows::insert(const ReferenceRow& row) {
  sqlite3_bind_int64(notification_, 1, row.id);
  sqlite3_bind_int(notification_, 2, row.level);
  sqlite3_bind_int64(notification_, 3, row.accepted_at_ns);
  sqlite3_bind_text(notification_, 4, row.topic.data(), static_cast<int>(row.topic.size()),
                    SQLITE_STATIC);
  sqlite3_bind_text(notification_, 5, row.payload.data(), static_cast<int>(row.payload.size()),
                    SQLITE_STATIC);
  step(notification_);
  sqlite3_bind_int64(delivery_, 1, row.id);
  sqlite3_bind_int(delivery_, 2, row.level >= kCriticalLevel ? 0 : 1);
  sqlite3_bind_int64(delivery_, 3, row.accepted_at_ns);
  step(delivery_);
  ++inserted_;
}

void ReferenceRows::commit() {
  sqlite3_bind_int64(count_, 1, inserted_);
  step(count_);
  inserted_ = 0;
  step(commit_);
}

void ReferenceRows::run(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) give_up();
}

sqlite3_stmt* ReferenceRows::prepare(const char* sql) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr) !=
      SQLITE_OK) {
    give_up();
  }
  return made;
}

void ReferenceRows::step(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  if (code != SQLITE_DONE) give_up();
}

void ReferenceRows::give_up() {
  std::fprintf(stderr, "reference rows: %s\n", sqlite3_errmsg(database_));
  std::_Exit(1);
}

}  // namespace tocsin::bench
