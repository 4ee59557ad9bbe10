// Sharing the file: the store's part of a transaction when other gateways write it, too.
//
//   our turn (turn.h) -> BEGIN -> others committed? -> memory reads what is new -> operations
//
// Alone, all of it is one number read in each transaction, which also tells when somebody joins.
#include "file_system.h"
#include "store.h"

namespace tocsin::sqlite {

bool Store::take_turn(const Session& session, tocsin_fault& fault) {
  if (session.company.alone()) return true;
  const int error = turn_.take(lock_path(), settings_.lock_timeout);
  if (error == 0) return true;
  put_fault(&fault, TOCSIN_FAILED, no_turn(error));
  return false;
}

std::string Store::no_turn(int error) const {
  return error == EAGAIN ? "another gateway keeps the database '" + settings_.path +
                               "' locked: is it stopped in the middle of its work?"
                         : "cannot lock '" + lock_path() + "' (error " + std::to_string(error) +
                               "): give the gateway's user the right to write it";
}

// In the transaction, before its operations.
bool Store::catch_up(Session& session) {
  bool foreign = false;
  if (!session.company.look(foreign)) return false;
  if (foreign) {
    if (!session.backlog.catch_up() || !session.appender.keys().catch_up()) return false;
    ballast_.look();
    session.company.caught_up();
  }
  session.appender.keys().share(!session.company.alone());
  return true;
}

std::uint32_t Store::refuse_remote(tocsin_fault* fault) const {
  const std::string_view kind = remote_file_system_of(lock_path());
  if (kind.empty()) return TOCSIN_OK;
  return put_fault(fault, TOCSIN_FAILED,
                   "the database '" + settings_.path + "' is on a network file system (" +
                       std::string(kind) +
                       "), where several gateways cannot share it: put it on a local disk, or let "
                       "one gateway use it",
                   "path");
}

}  // namespace tocsin::sqlite
