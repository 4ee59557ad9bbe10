// A batch is one transaction: BEGIN, its operations in order, COMMIT. What memory knows beside the
// file (counts, keys, positions) changes with the commit and is taken back with the transaction.
//
// How a batch ends:
//   an error before COMMIT           rolled back, FAILED
//   COMMIT says busy, full, no       rolled back, FAILED: the frame that commits was not written
//   whole COMMIT says anything else        UNKNOWN: that frame may be on the disk or not. Nothing
//   more is
//                                    written over this connection; the epoch outlives the close,
//                                    and so does its turn, until it was opened again.
#include "store.h"

#include <algorithm>
#include <optional>

#include "schema.h"

namespace tocsin::sqlite {

namespace {

template <typename Kind>
Kind& as(tocsin_operation& operation) {
  return reinterpret_cast<Kind&>(operation);
}

// Whether the batch brings what is new: the ballast is not for that.
bool adds(tocsin_operation* const* operations, std::uint32_t count) {
  return std::any_of(operations, operations + count, [](tocsin_operation* operation) {
    return operation->kind == TOCSIN_OP_APPEND ||
           (operation->kind == TOCSIN_OP_RECORD &&
            as<tocsin_record_change>(*operation).verb == TOCSIN_RECORD_PUT);
  });
}

// Codes with which SQLite ends a COMMIT before the frame that makes it one is complete.
bool surely_not_committed(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CONSTRAINT:
      return true;
    default:
      return false;
  }
}

}  // namespace

Store::Store(Settings settings, Host host)
    : settings_(std::move(settings)),
      host_(host),
      ballast_(settings_.path + ".ballast", static_cast<std::uint64_t>(settings_.ballast_bytes)),
      checkpointer_(settings_.checkpoint_bytes),
      readers_(settings_.path, settings_.search) {}

Store::~Store() { close(); }

std::uint32_t Store::apply(tocsin_operation* const* operations, std::uint32_t count,
                           tocsin_fault& fault) {
  if (!session_ || unknown_) {
    put_fault(&fault, TOCSIN_UNAVAILABLE, "the store is not open");
    return TOCSIN_APPLY_FAILED;
  }
  Session& session = *session_;
  session.scratch.clear();
  // Commits would go on and succeed, into a file that nobody finds again.
  if (session.database.moved()) {
    put_fault(&fault, TOCSIN_UNAVAILABLE,
              "the database '" + settings_.path +
                  "' was moved, deleted or replaced while it was open: put it back; restarted "
                  "without it, the gateway begins with what is there");
    return TOCSIN_APPLY_FAILED;
  }
  if (!ballast_.in_place() && adds(operations, count) && !ballast_.take_again(host_.wall_ns())) {
    put_fault(&fault, TOCSIN_FULL,
              "the disk of '" + settings_.path +
                  "' is full: make room; until then only what was "
                  "accepted is settled");
    return TOCSIN_APPLY_FAILED;
  }
  if (!take_turn(session, fault)) return TOCSIN_APPLY_FAILED;
  if (!session.begin.run() || !catch_up(session) || !apply_all(session, operations, count) ||
      !session.appender.finish() || !session.backlog.finish() || !session.looker.finish()) {
    return fail(session, fault);
  }
  return commit(session, fault);
}

bool Store::apply_all(Session& session, tocsin_operation* const* operations, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!apply_one(session, *operations[i])) return false;
  }
  return true;
}

bool Store::apply_one(Session& session, tocsin_operation& operation) {
  switch (operation.kind) {
    case TOCSIN_OP_RENEW:
      as<tocsin_renew>(operation).others = static_cast<std::uint32_t>(session.company.others());
      return session.keeper.apply(as<tocsin_renew>(operation));
    case TOCSIN_OP_SETTLE:
      return session.settler.apply(as<tocsin_settle>(operation));
    case TOCSIN_OP_CANCEL:
      return session.reviewer.apply(as<tocsin_cancel>(operation));
    case TOCSIN_OP_REVIEW:
      return session.reviewer.apply(as<tocsin_review>(operation));
    case TOCSIN_OP_BLAME:
      return session.reviewer.apply(as<tocsin_blame>(operation));
    case TOCSIN_OP_APPEND:
      return session.appender.apply(as<tocsin_append>(operation));
    case TOCSIN_OP_CLAIM:
      return session.claimer.apply(as<tocsin_claim>(operation));
    case TOCSIN_OP_PURGE:
      return session.keeper.apply(as<tocsin_purge>(operation));
    case TOCSIN_OP_RECORD:
      return session.recorder.apply(as<tocsin_record_change>(operation));
    case TOCSIN_OP_MOVE:
      return session.mover.apply(as<tocsin_move>(operation));
    case TOCSIN_OP_SUPERSEDE:
      return session.rethinker.apply(as<tocsin_supersede>(operation));
    case TOCSIN_OP_RESCHEDULE:
      return session.rethinker.apply(as<tocsin_reschedule>(operation));
    case TOCSIN_OP_REDRIVE_DUE:
      return session.reviver.apply(as<tocsin_redrive_due>(operation));
    case TOCSIN_OP_AMEND:
      return session.amender.apply(as<tocsin_amend>(operation));
    case TOCSIN_OP_OWNED:
      return session.claimer.apply(as<tocsin_owned>(operation));
    case TOCSIN_OP_LOOK:
      return session.looker.apply(as<tocsin_look>(operation));
    default:
      return false;
  }
}

std::uint32_t Store::commit(Session& session, tocsin_fault& fault) {
  if (!session.commit.run()) {
    const int code = session.database.error_code();
    if (surely_not_committed(code)) return fail(session, fault);
    put_fault(&fault, TOCSIN_FAILED, explain(session.database, settings_.path));
    roll_back(session);
    unknown_ = true;
    return TOCSIN_APPLY_UNKNOWN;
  }
  session.appender.commit();
  session.backlog.commit();
  session.company.commit();
  turn_.give();
  std::optional<std::int64_t> room;
  if (!ballast_.in_place()) room = settings_.ballast_bytes;
  if (const int code = checkpointer_.after_commit(room); (code & 0xFF) == SQLITE_FULL) {
    ballast_.drop(host_.wall_ns());
  }
  return TOCSIN_APPLIED;
}

std::uint32_t Store::fail(Session& session, tocsin_fault& fault) {
  const bool full = (session.database.error_code() & 0xFF) == SQLITE_FULL;
  std::string words = explain(session.database, settings_.path);
  roll_back(session);
  turn_.give();
  if (full && ballast_.drop(host_.wall_ns())) words += "; the ballast was given up for settling";
  // The log's own room is what the next commit can have for certain.
  if (full) checkpointer_.now();
  put_fault(&fault, full ? TOCSIN_FULL : TOCSIN_FAILED, words);
  return TOCSIN_APPLY_FAILED;
}

void Store::roll_back(Session& session) {
  // Some failures have ended the transaction already.
  if (sqlite3_get_autocommit(session.database.handle()) == 0) session.rollback.run();
  session.appender.rollback();
  session.backlog.rollback();
  session.keeper.rollback();
  session.looker.rollback();
  session.company.rollback();
}

void Store::close() {
  readers_.close();
  if (session_ && !unknown_) end_epoch(*session_);
  session_.reset();
  if (unknown_) return;  // and nobody else's turn comes before the next open()
  turn_.close();
  lock_.release();
}

// Not needed for anything but order: an epoch whose lock is free is dead whatever its row says.
void Store::end_epoch(Session& session) {
  Statement keep_mark;
  Statement forget;
  Database& database = session.database;
  if (!keep_mark.prepare(database,
                         "UPDATE meta SET value = max(value, (SELECT high_mark FROM instances "
                         "WHERE epoch = ?1)) WHERE name = 'high_mark'") ||
      !forget.prepare(database, "DELETE FROM instances WHERE epoch = ?1")) {
    return;
  }
  tocsin_fault fault{};
  if (!take_turn(session, fault) || !session.begin.run()) return;
  if (!keep_mark.run(session.work.epoch) || !forget.run(session.work.epoch) ||
      !session.commit.run()) {
    session.rollback.run();
  }
}

}  // namespace tocsin::sqlite
