// Statements are prepared once per connection with SQLITE_PREPARE_PERSISTENT and only reset between
// uses, because preparing costs ten times what running most of them does.
#include "database.h"

#include <algorithm>
#include <cstring>

namespace tocsin::sqlite {

bool Database::open(const std::string& path, Access access, std::chrono::milliseconds busy) {
  // NOMUTEX: whoever uses a connection sees to it that nobody else does.
  const int flags = access == Access::kWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &handle_,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return false;
  sqlite3_busy_timeout(handle_, static_cast<int>(busy.count()));
  return true;
}

void Database::close() {
  sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

bool Database::run(const char* sql) {
  return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

bool Database::moved() const {
  int moved = 0;
  const int code = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return code == SQLITE_OK && moved != 0;
}

std::optional<std::int64_t> Database::number(const char* sql) {
  Statement statement;
  if (!statement.prepare(*this, sql)) return std::nullopt;
  auto rows = statement.rows();
  if (!rows.next()) return std::nullopt;
  return rows.number(0);
}

std::optional<std::string> Database::text(const char* sql) {
  Statement statement;
  if (!statement.prepare(*this, sql)) return std::nullopt;
  auto rows = statement.rows();
  if (!rows.next()) return std::nullopt;
  const tocsin_str text = rows.text(0);
  return std::string(text.ptr, text.len);
}

std::string Database::error() const {
  std::string words = sqlite3_errmsg(handle_);
  if (const int system = sqlite3_system_errno(handle_); system != 0) {
    words.append(": ").append(std::strerror(system));  // NOLINT(concurrency-mt-unsafe): glibc's is
  }
  return words;
}

bool Statement::prepare(Database& database, std::string_view sql) {
  sqlite3_finalize(handle_);
  handle_ = nullptr;
  return sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                            SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) == SQLITE_OK;
}

void Statement::bind(int index, tocsin_str value) {
  // A null pointer would bind NULL, and no column takes that.
  const char* text = value.ptr != nullptr ? value.ptr : "";
  sqlite3_bind_text64(handle_, index, text, value.len, SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind(int index, Blob value) {
  const void* data = value.data != nullptr ? value.data : "";
  sqlite3_bind_blob64(handle_, index, data, value.bytes, SQLITE_STATIC);
}

tocsin_str Statement::Rows::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

Blob Statement::Rows::blob(int column) const {
  const void* data = sqlite3_column_blob(handle_, column);
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::uint32_t put_fault(tocsin_fault* fault, std::uint32_t code, std::string_view what,
                        std::string_view key) {
  if (fault == nullptr) return code;
  fault->code = code;
  fault->what_len = static_cast<std::uint32_t>(std::min(what.size(), sizeof fault->what));
  fault->key_len = static_cast<std::uint32_t>(std::min(key.size(), sizeof fault->key));
  std::copy_n(what.begin(), fault->what_len, fault->what);
  std::copy_n(key.begin(), fault->key_len, fault->key);
  return code;
}

}  // namespace tocsin::sqlite
