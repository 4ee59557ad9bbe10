#pragma once

#include <sqlite3.h>
#include <tocsin/plugin.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// SQLite's C interface as two classes that own what they open. Calls answer false (or an error
// code) when SQLite failed; the words are then in Database::error() until the next call.

namespace tocsin::sqlite {

/// Bytes that are bound as a blob.
struct Blob {
  const void* data = nullptr;
  std::size_t bytes = 0;
};

/// One connection. Used by one thread at a time.
class Database {
 public:
  enum class Access { kWrite, kRead };

  Database() = default;
  ~Database() { close(); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// The file must exist. Waits up to `busy` for the locks of others, in this and later calls.
  bool open(const std::string& path, Access access, std::chrono::milliseconds busy);
  /// Every statement of it must be gone.
  void close();

  sqlite3* handle() const { return handle_; }
  /// Runs statements that take nothing and give no rows anybody wants.
  bool run(const char* sql);
  /// The first column of the first row as a number; nothing when there is none or it failed.
  std::optional<std::int64_t> number(const char* sql);
  /// The same as text.
  std::optional<std::string> text(const char* sql);

  /// Whether the file is not where it was opened any more: moved away, deleted or replaced.
  bool moved() const;

  int error_code() const { return sqlite3_extended_errcode(handle_); }
  /// SQLite's words for the last failure, with those of the system where it knows an errno.
  std::string error() const;

 private:
  sqlite3* handle_ = nullptr;
};

/// A prepared statement, used again and again. `run` and `rows` bind their arguments from ?1 on; a
/// text or blob is borrowed until the statement is used the next time.
class Statement {
 public:
  Statement() = default;
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool prepare(Database& database, std::string_view sql);

  /// Runs a statement that gives no rows.
  template <typename... Values>
  bool run(const Values&... values) {
    bind_all(values...);
    const int code = sqlite3_step(handle_);
    sqlite3_reset(handle_);
    return code == SQLITE_DONE;
  }

  /// The rows of a query; at most one at a time of one statement.
  class Rows {
   public:
    explicit Rows(sqlite3_stmt* handle) : handle_(handle) {}
    ~Rows() { sqlite3_reset(handle_); }
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;

    /// True while there is a row; columns are valid until the next call.
    bool next() {
      code_ = sqlite3_step(handle_);
      return code_ == SQLITE_ROW;
    }
    /// After next() said false: whether that was a failure.
    bool failed() const { return code_ != SQLITE_DONE && code_ != SQLITE_ROW; }

    std::int64_t number(int column) const { return sqlite3_column_int64(handle_, column); }
    std::uint32_t small(int column) const { return static_cast<std::uint32_t>(number(column)); }
    tocsin_str text(int column) const;
    Blob blob(int column) const;

   private:
    sqlite3_stmt* handle_;
    int code_ = SQLITE_ROW;
  };

  template <typename... Values>
  Rows rows(const Values&... values) {
    bind_all(values...);
    return Rows(handle_);
  }

 private:
  template <typename... Values>
  void bind_all(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
  }
  // Binding fails only for an index or a length that is out of range: a mistake in this plugin.
  void bind(int index, std::int64_t value) { sqlite3_bind_int64(handle_, index, value); }
  void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, std::uint32_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, tocsin_str value);
  void bind(int index, std::string_view value) {
    bind(index, tocsin_str{value.data(), value.size()});
  }
  void bind(int index, Blob value);

  sqlite3_stmt* handle_ = nullptr;
};

/// Fills `fault`, which may be null, and returns `code`. The sentence is cut to what fits.
std::uint32_t put_fault(tocsin_fault* fault, std::uint32_t code, std::string_view what,
                        std::string_view key = {});

}  // namespace tocsin::sqlite
