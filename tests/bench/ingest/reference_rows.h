#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

// The rows that storage/sqlite writes for one accepted notification with one delivery that waits,
// written by nothing but SQLite: what the reference programs of the ingest bench share. Any failure
// ends the program.

namespace tocsin::bench {

struct ReferenceRow {
  std::int64_t id = 0;  ///< ascending
  std::int64_t accepted_at_ns = 0;
  int level = 0;
  std::string_view topic;
  std::string_view payload;
};

/// One connection, in one thread.
class ReferenceRows {
 public:
  /// Makes `path`, with the gateway's settings: WAL, synchronous=FULL, pages of 4 KiB, 8 MiB of
  /// cache, and a checkpoint once the log has 8 MiB.
  explicit ReferenceRows(const std::string& path);
  ~ReferenceRows();
  ReferenceRows(const ReferenceRows&) = delete;
  ReferenceRows& operator=(const ReferenceRows&) = delete;

  void begin();
  void insert(const ReferenceRow& row);
  void commit();

 private:
  void run(const char* sql);
  sqlite3_stmt* prepare(const char* sql);
  void step(sqlite3_stmt* statement);
  [[noreturn]] void give_up();

  sqlite3* database_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  sqlite3_stmt* notification_ = nullptr;
  sqlite3_stmt* delivery_ = nullptr;
  sqlite3_stmt* count_ = nullptr;
  std::int64_t inserted_ = 0;  // in this transaction
};

}  // namespace tocsin::bench
