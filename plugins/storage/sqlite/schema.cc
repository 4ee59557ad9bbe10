// The tables, and how a database of an earlier release becomes one of this.
//
//   notifications   id | what came in, with its payload          grows at its end, purged at its
//   start deliveries      (notification, ordinal) | state, owner, ...  the same order, changed in
//   place
//     unsettled     (owner, output, class, next_at, id)          states ready, claimed, sending
//     dead_*        (output, id, ...) and (id)                   state dead
//     lines         (output, key_hash, owner, next_at, id)       those in line, see lines.h
//     dead_due      (redrive_at, id)                             those that the clock sends again
//     dead_waiting  (output, redrive_at, id)                     the same, by output
//     keyed         (key_hash, id)                               unsettled ones that carry a key
//   outputs         id | name, counts                            small numbers for the indexes
//   keys            notification id | idempotency key            see key_index.cc
//   key_segments, key_runs                                       see key_index.cc
//   streams         name | next position
//   instances       epoch | node, high mark                      see epoch_lock.h
//   meta            name | value
//   records         (collection, key) | version, end, value      see apply_record.cc
//     records_ending  (expires_at)                               those that have an end
//
// Nothing on the path of a notification touches a page at random: ids ascend, and the `unsettled`
// index holds only what is under way or waits.
#include "schema.h"

#include <string_view>

namespace tocsin::sqlite {

namespace {

// States are enum tocsin_delivery_state: ready 0, claimed 1, sending 2, dead 4. Instants are
// nanoseconds since 1970, 0 where there is none. `codec` is the version of the payload's format.
constexpr Migration kMigrations[] = {
    {R"sql(
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE instances (
  epoch INTEGER PRIMARY KEY AUTOINCREMENT,
  node INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  renewed_at INTEGER NOT NULL,
  high_mark INTEGER NOT NULL
) STRICT;
CREATE TABLE outputs (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  ready INTEGER NOT NULL,
  dead INTEGER NOT NULL
) STRICT;
CREATE TABLE notifications (
  id INTEGER PRIMARY KEY,
  codec INTEGER NOT NULL,
  level INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  input TEXT NOT NULL,
  caller TEXT NOT NULL,
  topic TEXT NOT NULL,
  external_id TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE TABLE deliveries (
  notification_id INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  output INTEGER NOT NULL,
  class INTEGER NOT NULL,
  state INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL,
  review INTEGER NOT NULL,
  address TEXT NOT NULL,
  reason TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  PRIMARY KEY (notification_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX unsettled ON deliveries (owner, output, class, next_at) WHERE state <= 2;
CREATE INDEX dead_by_output ON deliveries (output, notification_id, ordinal, review)
  WHERE state = 4;
CREATE INDEX dead_by_id ON deliveries (notification_id, ordinal) WHERE state = 4;
CREATE TABLE keys (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL,
  body BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  dropped_by TEXT NOT NULL
) STRICT;
CREATE TABLE key_segments (
  segment INTEGER PRIMARY KEY,
  last_id INTEGER NOT NULL,
  filter BLOB NOT NULL
) STRICT;
CREATE TABLE key_runs (run INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;
CREATE TABLE streams (name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)sql"},
    // Keys are blobs because they are compared as bytes.
    {R"sql(
CREATE TABLE records (
  collection TEXT NOT NULL,
  key BLOB NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_ending ON records (expires_at) WHERE expires_at > 0;
)sql"},
    // Only what carries a key pays for the index, and only while it is under way or waits. The hash
    // is of caller and key (group_hash.h); 0: no key.
    {R"sql(
ALTER TABLE notifications ADD COLUMN group_key TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN key_hash INTEGER NOT NULL DEFAULT 0;
CREATE INDEX keyed ON deliveries (key_hash) WHERE state <= 2 AND key_hash <> 0;
)sql"},
    // `redrives`: how often the clock sent it again. `mirror`: a dead letter's copy.
    {R"sql(
ALTER TABLE deliveries ADD COLUMN redrive_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN redrives INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN mirror INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dead_due ON deliveries (redrive_at) WHERE state = 4 AND redrive_at > 0;
)sql"},
    // Only deliveries of ordered outputs are in line and pay for it.
    {R"sql(
ALTER TABLE deliveries ADD COLUMN line INTEGER NOT NULL DEFAULT 0;
CREATE INDEX lines ON deliveries (output, key_hash, owner, next_at) WHERE state <= 2 AND line = 1;
)sql"},
    // What of one output waits to be sent again; paid only when a delivery dies.
    {R"sql(
CREATE INDEX dead_waiting ON deliveries (output, redrive_at) WHERE state = 4 AND redrive_at > 0;
)sql"},
};

std::string quoted(const std::string& path) { return "'" + path + "'"; }

// What an empty database has to be told before its first table.
bool prepare_creation(Database& database, const CreationOptions& creation) {
  return database.run(("PRAGMA page_size=" + std::to_string(creation.page_size)).c_str()) &&
         database.run("PRAGMA auto_vacuum=INCREMENTAL");
}

bool apply_steps(Database& database, std::int64_t have, std::span<const Migration> steps) {
  if (!database.run("BEGIN IMMEDIATE")) return false;
  for (const Migration& step : steps.subspan(static_cast<std::size_t>(have))) {
    if (!database.run(step.sql)) return false;
  }
  const std::string marks = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                            "; PRAGMA user_version=" + std::to_string(steps.size()) + "; COMMIT";
  return database.run(marks.c_str());
}

std::uint32_t refuse_newer(const std::string& path, std::int64_t have, std::size_t known,
                           tocsin_fault* fault) {
  return put_fault(fault, TOCSIN_FAILED,
                   "the database " + quoted(path) + " has schema " + std::to_string(have) +
                       ", written by a newer release; this one knows schemas up to " +
                       std::to_string(known) +
                       ": start the newer release again, or name another path",
                   "path");
}

// Its first bytes name an application, or it has tables although it names none.
std::uint32_t refuse_foreign(const std::string& path, std::int64_t owner, std::int64_t tables,
                             tocsin_fault* fault) {
  std::string why = "it has tables and is not marked as an outbox";
  if (owner != 0) {
    why = "its application_id is " + std::to_string(owner) + ", an outbox has " +
          std::to_string(kApplicationId);
  } else if (tables == 0) {
    why = "it has a user_version and is not marked as an outbox";
  }
  return put_fault(fault, TOCSIN_FAILED,
                   "the database " + quoted(path) + " belongs to another application (" + why +
                       "): name another path; nothing in it was changed",
                   "path");
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

std::string explain(const Database& database, const std::string& path) {
  const int code = database.error_code() & 0xFF;
  const std::string file = quoted(path);
  switch (code) {
    case SQLITE_NOTADB:
      return file + " is no SQLite database: name another path, or move that file away";
    case SQLITE_CORRUPT:
      return "the database " + file +
             " is damaged: restore a backup, or move it away and save what can be read with: "
             "sqlite3 " +
             file + " .recover | sqlite3 NEW.db";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return "cannot write the database " + file + " (" + database.error() +
             "): give the gateway's user the right to write it and its folder";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program keeps the database " + file +
             " locked: end its transaction or close it";
    case SQLITE_FULL:
      return "the disk of " + file + " is full: make room";
    default:
      return "cannot use the database " + file + ": " + database.error();
  }
}

std::uint32_t migrate(Database& database, const std::string& path, std::span<const Migration> steps,
                      const CreationOptions& creation, tocsin_fault* fault) {
  const auto owner = database.number("PRAGMA application_id");
  const auto have = database.number("PRAGMA user_version");
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!owner || !have || !tables) {
    return put_fault(fault, TOCSIN_FAILED, explain(database, path), "path");
  }
  const bool fresh = *owner == 0 && *have == 0 && *tables == 0;
  if (!fresh && *owner != kApplicationId) {
    return refuse_foreign(path, *owner, *tables, fault);
  }
  const auto known = static_cast<std::int64_t>(steps.size());
  if (*have > known) return refuse_newer(path, *have, steps.size(), fault);
  if (fresh && !prepare_creation(database, creation)) {
    return put_fault(fault, TOCSIN_FAILED, explain(database, path), "path");
  }
  if (*have < known && !apply_steps(database, *have, steps)) {
    const std::string why = explain(database, path);
    database.run("ROLLBACK");
    return put_fault(fault, TOCSIN_FAILED, why, "path");
  }
  return TOCSIN_OK;
}

}  // namespace tocsin::sqlite
