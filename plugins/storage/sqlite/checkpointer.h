#pragma once

#include <cstdint>
#include <optional>

#include "database.h"

namespace tocsin::sqlite {

/// Keeps the write-ahead log short: moves what it holds into the database file once it is longer
/// than `log_bytes`. The storage's loop.
class Checkpointer {
 public:
  explicit Checkpointer(std::int64_t log_bytes) : log_bytes_(log_bytes) {}

  /// Watches the log of an open connection, which it replaces SQLite's own checkpoints for.
  void attach(Database& database, std::int64_t page_size);
  /// After a commit. Returns an SQLite error code; the commit stands whatever it is. On a disk that
  /// is full `room` says how many bytes are left: the log then takes no more than a share of them,
  /// since both it and the database file it is moved into must find theirs.
  int after_commit(std::optional<std::int64_t> room);
  /// Moves what the log holds, so that the next commit writes over it. Returns an SQLite error
  /// code.
  int now();

 private:
  static int on_commit(void* self, sqlite3*, const char*, int pages);

  static constexpr std::int64_t kShare = 4;

  const std::int64_t log_bytes_;
  sqlite3* database_ = nullptr;
  std::int64_t page_size_ = 1;
  std::int64_t pages_max_ = 0;
  std::int64_t pages_ = 0;  // in the log
};

}  // namespace tocsin::sqlite
