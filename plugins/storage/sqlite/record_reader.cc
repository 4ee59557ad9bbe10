// A prefix is a range of keys: from the prefix itself up to the first key that no longer begins
// with it. `after` moves one end of the range.
//
//   ascending    [max(prefix, successor of after), end of prefix)
//   descending   [prefix, min(after, end of prefix))
#include "record_reader.h"

#include <algorithm>
#include <string>

namespace tocsin::sqlite {

namespace {

#define TOCSIN_RECORD_COLUMNS "SELECT key, value, version, expires_at FROM records "
#define TOCSIN_RECORD_RANGE                           \
  "WHERE collection = ?1 AND key >= ?2 AND key < ?3 " \
  "AND (expires_at = 0 OR expires_at > ?4) "

tocsin_record record_of(const Statement::Rows& rows) {
  const Blob key = rows.blob(0);
  const Blob value = rows.blob(1);
  return {{static_cast<const char*>(key.data), key.bytes},
          {static_cast<const char*>(value.data), value.bytes},
          static_cast<std::uint64_t>(rows.number(2)),
          rows.number(3)};
}

std::string copy_of(tocsin_str text) {
  return text.len == 0 ? "" : std::string(text.ptr, text.len);
}

// Greater than every key that begins with the prefix, and not than any other greater key.
std::string end_of(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return std::string(TOCSIN_RECORD_KEY_BYTES_MAX + 1, '\xFF');
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

Blob blob_of(const std::string& text) { return {text.data(), text.size()}; }

}  // namespace

bool RecordReader::prepare(Database& database) {
  return one_.prepare(database, TOCSIN_RECORD_COLUMNS
                      "WHERE collection = ?1 AND key = ?2 "
                      "AND (expires_at = 0 OR expires_at > ?3)") &&
         ascending_.prepare(database,
                            TOCSIN_RECORD_COLUMNS TOCSIN_RECORD_RANGE "ORDER BY key LIMIT ?5") &&
         descending_.prepare(
             database, TOCSIN_RECORD_COLUMNS TOCSIN_RECORD_RANGE "ORDER BY key DESC LIMIT ?5");
}

bool RecordReader::get(tocsin_str collection, tocsin_str key, std::int64_t now_ns,
                       const tocsin_record_sink& sink) {
  auto rows = one_.rows(collection, Blob{key.ptr, key.len}, now_ns);
  if (!rows.next()) return !rows.failed();
  const tocsin_record record = record_of(rows);
  sink.record(sink.user, &record);
  return true;
}

bool RecordReader::scan(const tocsin_record_scan& scan, const tocsin_record_sink& sink) {
  std::string from = copy_of(scan.prefix);
  std::string to = end_of(from);
  if (scan.after.len != 0) {
    const std::string after = copy_of(scan.after);
    // No key lies between one and the same with a zero byte behind it.
    if (scan.descending == 0) {
      from = std::max(from, after + '\0');
    } else {
      to = std::min(to, after);
    }
  }
  const std::uint32_t limit = std::min<std::uint32_t>(scan.limit, TOCSIN_RECORD_PAGE_ROWS_MAX);
  Statement& statement = scan.descending == 0 ? ascending_ : descending_;
  auto rows = statement.rows(scan.collection, blob_of(from), blob_of(to), scan.now_ns, limit);
  std::size_t bytes = 0;
  while (bytes < TOCSIN_RECORD_PAGE_BYTES && rows.next()) {
    const tocsin_record record = record_of(rows);
    bytes += record.key.len + record.value.len;
    sink.record(sink.user, &record);
  }
  return !rows.failed();
}

}  // namespace tocsin::sqlite
