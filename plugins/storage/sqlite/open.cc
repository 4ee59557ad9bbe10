// Opening: who may use the file, what the file is, what the last epochs left behind.
//
//   lock byte 0 -> our turn -> file there, ours, of our schema -> log moved into the database
//     -> BEGIN: living epochs? dead ones taken over, ours begun, its byte locked, memory filled
//     -> COMMIT -> unlock 0
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

std::uint32_t Store::open(const tocsin_store_open& how, tocsin_store_state& state,
                          tocsin_fault* fault) {
  session_.reset();
  if (const std::uint32_t status = enter_lock(fault); status != TOCSIN_OK) {
    turn_.give();
    return status;
  }
  std::uint32_t status = enter_shared(how, fault);
  if (status == TOCSIN_OK) status = open_files(fault);
  auto session = std::make_unique<Session>(lock_);
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
    if (!configure(*session) || !begin_epoch(*session, how, state, refusal, fault)) {
      status = refusal != TOCSIN_OK ? refusal : broken();
    }
  }
  turn_.give();
  lock_.leave();
  if (status != TOCSIN_OK) {
    if (!unknown_) {
      turn_.close();
      lock_.release();
    }
    return status;
  }
  unknown_ = false;
  ballast_.take();
  session_ = std::move(session);
  readers_.open();
  return TOCSIN_OK;
}

std::uint32_t Store::enter_lock(tocsin_fault* fault) {
  const int error = lock_.enter(lock_path(), settings_.lock_timeout);
  if (error == 0) return TOCSIN_OK;
  if (error != EAGAIN) return cannot_create(lock_path(), error, fault);
  return put_fault(
      fault, TOCSIN_FAILED,
      "another gateway is opening the database '" + settings_.path + "': wait for it, or stop it",
      "path");
}

std::uint32_t Store::enter_shared(const tocsin_store_open& how, tocsin_fault* fault) {
  if (settings_.shared || how.join != 0) {
    if (const std::uint32_t status = refuse_remote(fault); status != TOCSIN_OK) return status;
  }
  const int error = turn_.take(lock_path(), settings_.lock_timeout);
  return error == 0 ? std::uint32_t{TOCSIN_OK}
                    : put_fault(fault, TOCSIN_FAILED, no_turn(error), "path");
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
  // Whose sync failed keeps its turn until it was here; the log of healthy ones is left to them.
  if ((unknown_ || !lock_.anybody_lives()) && !database.run("PRAGMA wal_checkpoint(TRUNCATE)")) {
    return false;
  }
  const auto page_size = database.number("PRAGMA page_size");
  if (!page_size) return false;
  checkpointer_.attach(database, *page_size);
  return true;
}

bool Store::begin_epoch(Session& session, const tocsin_store_open& how, tocsin_store_state& state,
                        std::uint32_t& refusal, tocsin_fault* fault) {
  Database& database = session.database;
  std::int64_t alive = 0;
  std::int64_t mark = 0;
  std::int64_t node = 0;
  std::int64_t epoch = lock_.held();
  const bool goes_on = epoch != 0;
  if (!database.run("BEGIN IMMEDIATE") || !session.company.meet(database, epoch, alive, mark)) {
    return false;
  }
  const bool may_share = settings_.shared || how.join != 0 || goes_on;
  if (alive != 0 && !may_share) {
    refusal = put_fault(fault, TOCSIN_FAILED,
                        "another gateway, epoch " + std::to_string(alive) +
                            ", uses the database '" + settings_.path +
                            "': stop it, name another path, or set 'shared: true' for both",
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
    auto rows = begin.rows(epoch, std::min(node, kNodeMax), how.now_ns, mark);
    if (!rows.next()) return false;
    epoch = rows.number(0);
    node = rows.number(1);
  }
  if (!keep_search_indexes(database, settings_.search, alive == 0)) return false;
  if (!take_over_orphans(database, how.now_ns, state.taken_over)) return false;
  if (const int error = lock_.hold(epoch); error != 0) {
    refusal = cannot_create(lock_path(), error, fault);
    return false;
  }
  session.work.epoch = epoch;
  state.epoch = static_cast<std::uint32_t>(epoch);
  state.node = static_cast<std::uint32_t>(node);
  state.high_mark = static_cast<std::uint64_t>(mark);
  return session.begin.prepare(database, "BEGIN IMMEDIATE") &&
         session.commit.prepare(database, "COMMIT") &&
         session.rollback.prepare(database, "ROLLBACK") && session.backlog.load(database) &&
         session.appender.prepare() && session.claimer.prepare() && session.settler.prepare() &&
         session.amender.prepare() && session.reviewer.prepare() &&
         session.lines.prepare(database) && session.rethinker.prepare() &&
         session.reviver.prepare() && session.recorder.prepare() && session.keeper.prepare() &&
         session.mover.prepare() && session.looker.prepare() && report(session, state) &&
         session.company.prepare(database, epoch, goes_on) && database.run("COMMIT");
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
