// Opening: who may use the file, what the file is, what the last epochs left behind.
//
//   lock byte 0 -> file there, ours, of our schema -> log moved into the database
//     -> BEGIN: living epochs? dead ones taken over, ours begun, its byte locked -> COMMIT ->
//     unlock 0
//
// Byte 0 is held throughout, so that of two that start at once the second sees the first's epoch.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "schema.h"
#include "store.h"

namespace tocsin::sqlite {

namespace {

constexpr std::int64_t kNodeMax = 1023;

std::string system_words(int error) {
  return std::strerror(error);  // NOLINT(concurrency-mt-unsafe): glibc's is safe for known errors
}

std::int64_t size_of(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 ? found.st_size : -1;
}

std::uint32_t cannot_create(const std::string& path, int error, tocsin_fault* fault) {
  return put_fault(fault, TOCSIN_FAILED,
                   "cannot create '" + path + "' (" + system_words(error) +
                       "): make its folder, and give the gateway's user the right to write it",
                   "path");
}

// The log of a database that is gone would be read into an empty one.
bool has_orphan_log(const std::string& path) {
  return size_of(path) <= 0 && size_of(path + "-wal") > 0;
}

// Whether an epoch other than `own` is alive; forgets the dead ones and keeps the highest mark they
// left in `mark`.
bool part_epochs(Database& database, const EpochLock& lock, std::int64_t own, std::int64_t& alive,
                 std::int64_t& mark) {
  Statement epochs;
  Statement forget;
  if (!epochs.prepare(database, "SELECT epoch, high_mark FROM instances") ||
      !forget.prepare(database, "DELETE FROM instances WHERE epoch = ?1")) {
    return false;
  }
  std::vector<std::int64_t> dead;
  auto rows = epochs.rows();
  while (rows.next()) {
    const std::int64_t epoch = rows.number(0);
    mark = std::max(mark, rows.number(1));
    if (epoch == own) continue;
    if (lock.lives(epoch)) {
      alive = epoch;
    } else {
      dead.push_back(epoch);
    }
  }
  if (rows.failed()) return false;
  return std::all_of(dead.begin(), dead.end(),
                     [&](std::int64_t epoch) { return forget.run(epoch); });
}

#define TOCSIN_ORPHANED \
  "WHERE state <= 2 AND owner > 0 AND owner NOT IN (SELECT epoch FROM instances)"

// What nobody living owns: claimed is ready again, sending may have been sent. A cancel that was
// asked for is granted.
bool take_over(Database& database, std::int64_t now_ns, std::uint64_t& taken_over) {
  Statement count;
  Statement statement;
  // The outputs' counts, by what the update is going to do.
  if (!count.prepare(database,
                     "UPDATE outputs SET ready = outputs.ready + moved.ready, "
                     "dead = outputs.dead + moved.dead "
                     "FROM (SELECT output, sum(state = 1 AND NOT cancel_requested) AS ready, "
                     "sum(state = 2 AND NOT cancel_requested) AS dead "
                     "FROM deliveries INDEXED BY unsettled " TOCSIN_ORPHANED
                     " GROUP BY output) AS moved WHERE outputs.id = moved.output") ||
      !count.run() ||
      !statement.prepare(database,
                         "UPDATE deliveries INDEXED BY unsettled SET "
                         "state = CASE WHEN cancel_requested THEN 5 WHEN state = 2 THEN 4 "
                         "ELSE 0 END, "
                         "reason = CASE WHEN state = 2 AND NOT cancel_requested THEN 'ambiguous' "
                         "ELSE reason END, "
                         "review = CASE WHEN state = 2 THEN 0 ELSE review END, "
                         "owner = 0, updated_at = ?1 " TOCSIN_ORPHANED) ||
      !statement.run(now_ns)) {
    return false;
  }
  taken_over = static_cast<std::uint64_t>(sqlite3_changes64(database.handle()));
  return true;
}

// No id up to this may be given again, whoever gave it.
bool find_high_mark(Database& database, std::int64_t& mark) {
  for (const char* sql : {"SELECT coalesce(max(value), 0) FROM meta WHERE name = 'high_mark'",
                          "SELECT coalesce(max(id), 0) FROM notifications",
                          "SELECT coalesce(max(id), 0) FROM keys"}) {
    const auto found = database.number(sql);
    if (!found) return false;
    mark = std::max(mark, *found);
  }
  Statement keep;
  return keep.prepare(database,
                      "INSERT INTO meta (name, value) VALUES ('high_mark', ?1) "
                      "ON CONFLICT (name) DO UPDATE SET value = excluded.value") &&
         keep.run(mark);
}

bool find_free_node(Database& database, std::int64_t& node) {
  Statement nodes;
  if (!nodes.prepare(database, "SELECT node FROM instances ORDER BY node")) return false;
  auto rows = nodes.rows();
  while (rows.next() && rows.number(0) == node) ++node;
  return !rows.failed();
}

}  // namespace

std::uint32_t Store::open(std::int64_t now_ns, tocsin_store_state& state, tocsin_fault* fault) {
  session_.reset();
  if (const std::uint32_t status = enter_lock(fault); status != TOCSIN_OK) return status;
  std::uint32_t status = open_files(fault);
  auto session = std::make_unique<Session>();
  const auto broken = [&] {
    return put_fault(fault, TOCSIN_FAILED, explain(session->database, settings_.path), "path");
  };
  if (status == TOCSIN_OK &&
      !session->database.open(
          settings_.path, Database::Access::kWrite,
          std::chrono::duration_cast<std::chrono::milliseconds>(settings_.lock_timeout))) {
    status = broken();
  }
  if (status == TOCSIN_OK) {
    status = migrate(session->database, settings_.path, migrations(), {settings_.page_size}, fault);
  }
  if (status == TOCSIN_OK) {
    std::uint32_t refusal = TOCSIN_OK;
    if (!configure(*session) || !begin_epoch(*session, now_ns, state, refusal, fault)) {
      status = refusal != TOCSIN_OK ? refusal : broken();
    }
  }
  lock_.leave();
  if (status != TOCSIN_OK) {
    if (!unknown_) lock_.release();
    return status;
  }
  unknown_ = false;
  ballast_.take();
  session_ = std::move(session);
  readers_.open();
  return TOCSIN_OK;
}

std::uint32_t Store::enter_lock(tocsin_fault* fault) {
  const std::string path = settings_.path + ".lock";
  const int error = lock_.enter(path, settings_.lock_timeout);
  if (error == 0) return TOCSIN_OK;
  if (error != EAGAIN) return cannot_create(path, error, fault);
  return put_fault(
      fault, TOCSIN_FAILED,
      "another gateway is opening the database '" + settings_.path + "': wait for it, or stop it",
      "path");
}

std::uint32_t Store::open_files(tocsin_fault* fault) {
  if (has_orphan_log(settings_.path)) {
    return put_fault(fault, TOCSIN_FAILED,
                     "the database '" + settings_.path + "' is missing or empty but its log '" +
                         settings_.path +
                         "-wal' is not: put the database back, or move the log away",
                     "path");
  }
  const int file = ::open(settings_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) {
    ::close(file);
    return TOCSIN_OK;
  }
  const int error = errno;
  if (size_of(settings_.path) < 0) return cannot_create(settings_.path, error, fault);
  return put_fault(fault, TOCSIN_FAILED,
                   "cannot write the database '" + settings_.path + "' (" + system_words(error) +
                       "): give the gateway's user the right to write it and its folder",
                   "path");
}

bool Store::configure(Session& session) {
  Database& database = session.database;
  const std::string settings = "PRAGMA synchronous=" + settings_.sync +
                               "; PRAGMA secure_delete=OFF; PRAGMA temp_store=MEMORY; "
                               "PRAGMA cache_size=-" +
                               std::to_string(settings_.cache_bytes / 1024);
  const auto mode = database.text("PRAGMA journal_mode=WAL");
  if (!mode || *mode != "wal" || !database.run(settings.c_str())) return false;
  // What a failed sync left in the log may be in memory only: later commits must not stand on it.
  if (!database.run("PRAGMA wal_checkpoint(TRUNCATE)")) return false;
  const auto page_size = database.number("PRAGMA page_size");
  if (!page_size) return false;
  checkpointer_.attach(database, *page_size);
  return true;
}

bool Store::begin_epoch(Session& session, std::int64_t now_ns, tocsin_store_state& state,
                        std::uint32_t& refusal, tocsin_fault* fault) {
  Database& database = session.database;
  std::int64_t alive = 0;
  std::int64_t mark = 0;
  std::int64_t node = 0;
  std::int64_t epoch = lock_.held();  // not 0: it goes on
  if (!database.run("BEGIN IMMEDIATE") || !part_epochs(database, lock_, epoch, alive, mark)) {
    return false;
  }
  if (alive != 0) {
    refusal =
        put_fault(fault, TOCSIN_FAILED,
                  "another gateway, epoch " + std::to_string(alive) + ", uses the database '" +
                      settings_.path + "': stop it, or name another path",
                  "path");
    return false;
  }
  Statement begin;
  if (!find_high_mark(database, mark) || !find_free_node(database, node) ||
      !begin.prepare(database,
                     "INSERT INTO instances (epoch, node, started_at, renewed_at, high_mark) "
                     "VALUES (nullif(?1, 0), ?2, ?3, ?3, ?4) "
                     "ON CONFLICT (epoch) DO UPDATE SET renewed_at = excluded.renewed_at "
                     "RETURNING epoch, node")) {
    return false;
  }
  {
    auto rows = begin.rows(epoch, std::min(node, kNodeMax), now_ns, mark);
    if (!rows.next()) return false;
    epoch = rows.number(0);
    node = rows.number(1);
  }
  if (!take_over(database, now_ns, state.taken_over)) return false;
  if (const int error = lock_.hold(epoch); error != 0) {
    refusal = cannot_create(settings_.path + ".lock", error, fault);
    return false;
  }
  session.work.epoch = epoch;
  state.epoch = static_cast<std::uint32_t>(epoch);
  state.node = static_cast<std::uint32_t>(node);
  state.high_mark = static_cast<std::uint64_t>(mark);
  return database.run("COMMIT") && session.begin.prepare(database, "BEGIN IMMEDIATE") &&
         session.commit.prepare(database, "COMMIT") &&
         session.rollback.prepare(database, "ROLLBACK") && session.backlog.load(database) &&
         session.appender.prepare() && session.claimer.prepare() && session.settler.prepare() &&
         session.reviewer.prepare() && session.recorder.prepare() && session.keeper.prepare() &&
         report(session, state);
}

bool Store::report(Session& session, tocsin_store_state& state) {
  Statement counts;
  if (!counts.prepare(session.database, kBacklogQuery)) return false;
  auto rows = counts.rows();
  while (rows.next()) {
    session.reported.push_back({session.scratch.copy(rows.text(0)),
                                static_cast<std::uint64_t>(rows.number(1)),
                                static_cast<std::uint64_t>(rows.number(2))});
  }
  state.backlog = session.reported.data();
  state.backlog_count = static_cast<std::uint32_t>(session.reported.size());
  state.backlog_stride = sizeof(tocsin_backlog_count);
  return !rows.failed();
}

}  // namespace tocsin::sqlite
