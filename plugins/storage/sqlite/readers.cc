// A page is read in one statement on a connection that is nobody else's meanwhile, and is cut off
// when it takes too long: a reader that stays would keep the log from starting over.
#include "readers.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <limits>

#include "record_reader.h"
#include "schema.h"

namespace tocsin::sqlite {

namespace {

constexpr auto kBusy = std::chrono::milliseconds(50);
constexpr const char* kCache = "PRAGMA cache_size=-1024";
constexpr int kStepsBetweenLooks = 2000;  // of SQLite's machine: well below a millisecond

constexpr const char* kNotification =
    "SELECT id, input, caller, payload, accepted_at FROM notifications WHERE id = ?1";

#define TOCSIN_DELIVERY_COLUMNS                                                               \
  "d.notification_id, d.ordinal, d.state, d.review, d.attempts, d.cancel_requested, o.name, " \
  "d.address, d.reason, d.provider_id, d.next_at, d.updated_at, d.redrive_at"

constexpr const char* kDeliveries =
    "SELECT " TOCSIN_DELIVERY_COLUMNS
    " FROM deliveries AS d CROSS JOIN outputs AS o ON o.id = d.output "
    "WHERE d.notification_id = ?1 ORDER BY d.ordinal";

#define TOCSIN_NOTIFICATION_COLUMNS ", n.input, n.caller, n.payload, n.accepted_at"

constexpr const char* kDeadLetters =
    "SELECT " TOCSIN_DELIVERY_COLUMNS TOCSIN_NOTIFICATION_COLUMNS
    " FROM deliveries AS d INDEXED BY dead_by_id "
    "CROSS JOIN outputs AS o ON o.id = d.output "
    "CROSS JOIN notifications AS n ON n.id = d.notification_id "
    "WHERE d.state = 4 AND (d.notification_id, d.ordinal) < (?1, ?2) "
    "ORDER BY d.notification_id DESC, d.ordinal DESC LIMIT ?3";

constexpr const char* kDeadLettersOfOutput =
    "SELECT " TOCSIN_DELIVERY_COLUMNS TOCSIN_NOTIFICATION_COLUMNS
    " FROM outputs AS o CROSS JOIN deliveries AS d INDEXED BY dead_by_output "
    "CROSS JOIN notifications AS n ON n.id = d.notification_id "
    "WHERE o.name = ?4 AND d.output = o.id AND d.state = 4 "
    "AND (d.notification_id, d.ordinal) < (?1, ?2) "
    "ORDER BY d.notification_id DESC, d.ordinal DESC LIMIT ?3";

#define TOCSIN_OLDEST_READY(queue)                                                       \
  "(SELECT next_at FROM deliveries INDEXED BY unsettled WHERE state <= 2 AND owner = 0 " \
  "AND output = o.id AND class = " queue " ORDER BY next_at LIMIT 1)"

constexpr const char* kOldestReady =
    "SELECT min(" TOCSIN_OLDEST_READY("0") "), min(" TOCSIN_OLDEST_READY("1") ") FROM outputs AS o";

// kBacklogQuery, and since when they wait.
constexpr const char* kWaiting =
    "SELECT name, ready, dead, " TOCSIN_OLDEST_READY("0") ", " TOCSIN_OLDEST_READY(
        "1") " FROM outputs AS o WHERE ready > 0 OR dead > 0 ORDER BY name";

constexpr const char* kExists =
    "SELECT EXISTS (SELECT 1 FROM notifications WHERE id = ?1) "
    "OR EXISTS (SELECT 1 FROM keys WHERE id = ?1)";

// 0: none.
std::int64_t earlier(std::int64_t one, std::int64_t other) {
  return one == 0 || other == 0 ? std::max(one, other) : std::min(one, other);
}

tocsin_stored_delivery delivery_of(const Statement::Rows& rows) {
  tocsin_stored_delivery row{};
  row.notification_id = static_cast<std::uint64_t>(rows.number(0));
  row.ordinal = rows.small(1);
  row.state = rows.small(2);
  row.review = rows.small(3);
  row.attempts = rows.small(4);
  row.cancel_requested = rows.small(5);
  row.output = rows.text(6);
  row.address = rows.text(7);
  row.reason = rows.text(8);
  row.provider_id = rows.text(9);
  row.next_at_ns = rows.number(10);
  row.updated_at_ns = rows.number(11);
  row.redrive_at_ns = rows.number(12);
  return row;
}

tocsin_stored_notification notification_of(const Statement::Rows& rows) {
  return {static_cast<std::uint64_t>(rows.number(0)), rows.text(1), rows.text(2), rows.text(3),
          rows.number(4)};
}

std::int64_t before_of(const tocsin_query& query) {
  constexpr auto kNewest = std::numeric_limits<std::int64_t>::max();
  const auto before = static_cast<std::int64_t>(query.before_notification_id);
  return before != 0 ? before : kNewest;
}

std::uint32_t limit_of(const tocsin_query& query) {
  return query.limit != 0 ? std::min(query.limit, Readers::kRowsMax) : Readers::kRowsMax;
}

std::uint64_t bytes_of(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_size) : 0;
}

}  // namespace

/// One read-only connection with its statements.
class Readers::Reader {
 public:
  bool open(const std::string& path, const Search& search) {
    if (!database_.open(path, Database::Access::kRead, kBusy) || !database_.run(kCache)) {
      return false;
    }
    sqlite3_progress_handler(database_.handle(), kStepsBetweenLooks, &Reader::look, this);
    for (std::size_t i = 0; i < kSearchColumns; ++i) {
      const bool wanted = search.*kSearch[i].wanted;
      if (wanted && !search_[i].prepare(database_, kSearch[i].find)) return false;
    }
    return notification_.prepare(database_, kNotification) &&
           deliveries_.prepare(database_, kDeliveries) &&
           dead_letters_.prepare(database_, kDeadLetters) &&
           dead_letters_of_output_.prepare(database_, kDeadLettersOfOutput) &&
           oldest_ready_.prepare(database_, kOldestReady) && exists_.prepare(database_, kExists) &&
           backlog_.prepare(database_, kWaiting) && records_.prepare(database_);
  }
  /// A page begins.
  void begin() { give_up_ = std::chrono::steady_clock::now() + kTimeMax; }

  bool read(const std::string& path, const tocsin_query& query, const tocsin_row_sink& sink) {
    switch (query.kind) {
      case TOCSIN_QUERY_NOTIFICATION:
        return read_notification(query, sink);
      case TOCSIN_QUERY_DEAD_LETTERS:
        return read_dead_letters(query, sink);
      case TOCSIN_QUERY_HEALTH:
        return read_health(path, sink);
      case TOCSIN_QUERY_BACKLOG:
        return read_backlog(sink);
      case TOCSIN_QUERY_BY_KEY:
        return find_notifications(search_[0], query, sink);
      case TOCSIN_QUERY_BY_EXTERNAL_ID:
        return find_notifications(search_[1], query, sink);
      default:
        return read_exists(query, sink);
    }
  }

  RecordReader& records() { return records_; }
  const Database& database() const { return database_; }

 private:
  static int look(void* self) {
    return std::chrono::steady_clock::now() >= static_cast<Reader*>(self)->give_up_ ? 1 : 0;
  }

  bool read_notification(const tocsin_query& query, const tocsin_row_sink& sink) {
    // The first statement is open until the second ends, so both see one state of the store; and
    // it is reset first, so that the second's failure is the last one.
    auto deliveries = deliveries_.rows(query.notification_id);
    auto found = notification_.rows(query.notification_id);
    if (!found.next()) return !found.failed();
    const tocsin_stored_notification row = notification_of(found);
    sink.notification(sink.user, &row);
    while (deliveries.next()) {
      const tocsin_stored_delivery delivery = delivery_of(deliveries);
      sink.delivery(sink.user, &delivery);
    }
    return !deliveries.failed();
  }

  static bool find_notifications(Statement& statement, const tocsin_query& query,
                                 const tocsin_row_sink& sink) {
    auto found = statement.rows(query.text, before_of(query), limit_of(query));
    while (found.next()) {
      const tocsin_stored_notification row = notification_of(found);
      sink.notification(sink.user, &row);
    }
    return !found.failed();
  }

  bool read_dead_letters(const tocsin_query& query, const tocsin_row_sink& sink) {
    const std::int64_t before = before_of(query);
    const std::uint32_t limit = limit_of(query);
    auto rows = query.output.len != 0 ? dead_letters_of_output_.rows(before, query.before_ordinal,
                                                                     limit, query.output)
                                      : dead_letters_.rows(before, query.before_ordinal, limit);
    std::uint64_t last = 0;
    while (rows.next()) {
      const tocsin_stored_delivery delivery = delivery_of(rows);
      if (delivery.notification_id != last) {
        last = delivery.notification_id;
        const tocsin_stored_notification row{last, rows.text(13), rows.text(14), rows.text(15),
                                             rows.number(16)};
        sink.notification(sink.user, &row);
      }
      sink.delivery(sink.user, &delivery);
    }
    return !rows.failed();
  }

  bool read_health(const std::string& path, const tocsin_row_sink& sink) {
    tocsin_store_health health{};
    health.size = sizeof health;
    health.size_bytes = bytes_of(path) + bytes_of(path + "-wal") + bytes_of(path + "-shm");
    struct statvfs room{};
    if (::statvfs(path.c_str(), &room) == 0) {
      health.free_disk_bytes = static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
    }
    auto rows = oldest_ready_.rows();
    if (!rows.next()) return false;
    health.oldest_ready_ns = earlier(rows.number(0), rows.number(1));
    sink.health(sink.user, &health);
    return true;
  }

  bool read_backlog(const tocsin_row_sink& sink) {
    auto rows = backlog_.rows();
    while (rows.next()) {
      const tocsin_backlog_count row{rows.text(0), static_cast<std::uint64_t>(rows.number(1)),
                                     static_cast<std::uint64_t>(rows.number(2)),
                                     earlier(rows.number(3), rows.number(4))};
      sink.backlog(sink.user, &row);
    }
    return !rows.failed();
  }

  bool read_exists(const tocsin_query& query, const tocsin_row_sink& sink) {
    for (std::uint32_t i = 0; i < query.id_count; ++i) {
      auto rows = exists_.rows(query.ids[i]);
      if (!rows.next()) return false;
      if (rows.number(0) != 0) sink.found(sink.user, query.ids[i]);
    }
    return true;
  }

  Database database_;
  Statement notification_;
  Statement deliveries_;
  Statement dead_letters_;
  Statement dead_letters_of_output_;
  Statement oldest_ready_;
  Statement exists_;
  Statement backlog_;
  Statement search_[kSearchColumns];
  RecordReader records_;
  std::chrono::steady_clock::time_point give_up_ = std::chrono::steady_clock::time_point::max();
};

Readers::Readers(std::string path, Search search) : path_(std::move(path)), search_(search) {}
Readers::~Readers() = default;

void Readers::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
}

void Readers::close() {
  std::unique_lock lock(mutex_);
  open_ = false;
  nobody_reads_.wait(lock, [this] { return reading_ == 0; });
  idle_.clear();
}

std::uint32_t Readers::read(const tocsin_query& query, const tocsin_row_sink& sink,
                            tocsin_fault* fault) {
  if (query.kind > TOCSIN_QUERY_BY_EXTERNAL_ID) {
    return put_fault(fault, TOCSIN_INVALID, "the query is of an unknown kind");
  }
  for (const SearchColumn& column : kSearch) {
    if (column.query != query.kind || search_.*column.wanted) continue;
    const std::string option(column.option);
    return put_fault(fault, TOCSIN_NOT_FOUND,
                     "the store is not made to be searched by " + option + ": add " + option +
                         " to storage.search",
                     "search");
  }
  return with_reader(fault, [&](Reader& reader) { return reader.read(path_, query, sink); });
}

std::uint32_t Readers::get(tocsin_str collection, tocsin_str key, std::int64_t now_ns,
                           const tocsin_record_sink& sink, tocsin_fault* fault) {
  return with_reader(
      fault, [&](Reader& reader) { return reader.records().get(collection, key, now_ns, sink); });
}

std::uint32_t Readers::scan(const tocsin_record_scan& scan, const tocsin_record_sink& sink,
                            tocsin_fault* fault) {
  return with_reader(fault, [&](Reader& reader) { return reader.records().scan(scan, sink); });
}

template <typename Page>
std::uint32_t Readers::with_reader(tocsin_fault* fault, Page&& page) {
  std::unique_ptr<Reader> reader;
  if (!begin(reader)) return put_fault(fault, TOCSIN_UNAVAILABLE, "the store is not open");
  const bool fresh = !reader;
  if (fresh) reader = std::make_unique<Reader>();
  bool read = !fresh || reader->open(path_, search_);
  if (read) {
    reader->begin();
    read = page(*reader);
  }
  const std::uint32_t status = read ? std::uint32_t{TOCSIN_OK} : refuse(*reader, fault);
  end(read ? std::move(reader) : nullptr);
  return status;
}

std::uint32_t Readers::refuse(const Reader& reader, tocsin_fault* fault) const {
  if ((reader.database().error_code() & 0xFF) == SQLITE_INTERRUPT) {
    return put_fault(fault, TOCSIN_UNAVAILABLE,
                     "reading the page took longer than 100 ms: ask for fewer rows");
  }
  return put_fault(fault, TOCSIN_FAILED, explain(reader.database(), path_));
}

bool Readers::begin(std::unique_ptr<Reader>& reader) {
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  ++reading_;
  if (!idle_.empty()) {
    reader = std::move(idle_.back());
    idle_.pop_back();
  }
  return true;
}

void Readers::end(std::unique_ptr<Reader> reader) {
  const std::lock_guard lock(mutex_);
  if (reader && idle_.size() < kIdleMax) idle_.push_back(std::move(reader));
  if (--reading_ == 0) nobody_reads_.notify_all();
}

}  // namespace tocsin::sqlite
