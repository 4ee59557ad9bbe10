#pragma once

#include <cstdint>

#include "database.h"

namespace tocsin::sqlite {

/// Keeps the write-ahead log short: moves what it holds into the database file once it is longer
/// than `log_bytes`. The storage's loop.
class Checkpointer {
 public:
  explicit Checkpointer(std::int64_t log_bytes) : log_bytes_(log_bytes) {}

  /// Watches the log of an open connection, which it replaces SQLite's own checkpoints for.
  void attach(Database& database, std::int64_t page_size);
  /// After a commit. Returns an SQLite error code; the commit stands whatever it is.
  int after_commit();

 private:
  static int on_commit(void* self, sqlite3*, const char*, int pages);

  const std::int64_t log_bytes_;
  sqlite3* database_ = nullptr;
  std::int64_t pages_max_ = 0;
  std::int64_t pages_ = 0;  // in the log
};

}  // namespace tocsin::sqlite
