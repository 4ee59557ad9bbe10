#include "gateway/plugin/storage_adapter.h"

#include <algorithm>
#include <utility>

#include "gateway/plugin/fault.h"
#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

WallTime time_of(std::int64_t ns) { return WallTime(Duration(ns)); }

// Collects the rows of one query.
class Rows {
 public:
  Rows(stage::Query::What what, stage::QueryResult& result) : what_(what), result_(result) {
    sink_.size = sizeof(sink_);
    sink_.user = this;
    sink_.notification = [](void* user, const tocsin_stored_notification* row) {
      static_cast<Rows*>(user)->notification(*row);
    };
    sink_.delivery = [](void* user, const tocsin_stored_delivery* row) {
      static_cast<Rows*>(user)->delivery(*row);
    };
    sink_.backlog = [](void* user, const tocsin_backlog_count* row) {
      auto& count = static_cast<Rows*>(user)->result_.backlog.emplace_back();
      count.output = copy_of(row->output);
      count.ready = row->ready;
      count.dead = row->dead;
      if (row->oldest_ready_ns != 0) count.oldest_ready = time_of(row->oldest_ready_ns);
    };
    sink_.found = [](void* user, std::uint64_t id) {
      static_cast<Rows*>(user)->result_.found.push_back({id});
    };
    sink_.health = [](void* user, const tocsin_store_health* health) {
      static_cast<Rows*>(user)->health(*health);
    };
  }
  const tocsin_row_sink& sink() const { return sink_; }

 private:
  void notification(const tocsin_stored_notification& row) {
    stage::NotificationRow own;
    own.id = {row.id};
    own.input = copy_of(row.input);
    own.caller = copy_of(row.caller);
    own.accepted_at = time_of(row.accepted_at_ns);
    own.payload = copy_of(row.payload);
    if (what_ == stage::Query::What::kNotification) {
      result_.notification = std::move(own);
    } else {
      result_.notifications.push_back(std::move(own));
    }
  }
  void delivery(const tocsin_stored_delivery& row) {
    if (row.state >= message::kDeliveryStates || row.review > TOCSIN_REVIEW_DISCARDED) return;
    stage::DeliveryRow& own = result_.deliveries.emplace_back();
    own.id = {{row.notification_id}, row.ordinal};
    own.output = copy_of(row.output);
    own.address = copy_of(row.address);
    own.state = static_cast<message::DeliveryState>(row.state);
    own.review = static_cast<message::ReviewState>(row.review);
    own.attempts = row.attempts;
    own.next_at = time_of(row.next_at_ns);
    own.updated_at = time_of(row.updated_at_ns);
    own.reason = copy_of(row.reason);
    own.provider_id = copy_of(row.provider_id);
    own.cancel_requested = row.cancel_requested != 0;
    if (row.redrive_at_ns != 0) own.redrive_at = time_of(row.redrive_at_ns);
  }
  void health(const tocsin_store_health& health) {
    result_.health.size_bytes = health.size_bytes;
    result_.health.free_disk_bytes = health.free_disk_bytes;
    if (health.oldest_ready_ns != 0) {
      result_.health.oldest_ready = time_of(health.oldest_ready_ns);
    }
  }

  const stage::Query::What what_;
  stage::QueryResult& result_;
  tocsin_row_sink sink_{};
};

// Collects the records of one read, up to `limit`.
class RecordRows {
 public:
  RecordRows(std::size_t limit, stage::RecordPage& page) : limit_(limit), page_(page) {
    sink_.size = sizeof(sink_);
    sink_.user = this;
    sink_.record = [](void* user, const tocsin_record* row) {
      static_cast<RecordRows*>(user)->record(*row);
    };
  }
  const tocsin_record_sink& sink() const { return sink_; }

 private:
  void record(const tocsin_record& row) {
    if (page_.more) return;
    bytes_ += row.key.len + row.value.len;
    page_.records.push_back(
        {copy_of(row.key), copy_of(row.value), row.version,
         row.expires_at_ns == 0 ? std::nullopt : std::optional(time_of(row.expires_at_ns))});
    page_.more = page_.records.size() >= limit_ || bytes_ >= stage::kRecordPageBytes;
  }

  const std::size_t limit_;
  std::size_t bytes_ = 0;
  stage::RecordPage& page_;
  tocsin_record_sink sink_{};
};

constexpr std::uint32_t kNodes = 1024;

}  // namespace

StorageAdapter::StorageAdapter(Worker& worker) : worker_(worker) {
  worker_.completions().batches = this;
}

StorageAdapter::~StorageAdapter() {
  worker_.completions().batches = nullptr;
  worker_.forget(*this);
}

Result<stage::StoreState> StorageAdapter::open(WallTime now, const stage::OpenOptions& options) {
  tocsin_store_open how{};
  how.size = sizeof(how);
  how.join = options.join ? 1 : 0;
  how.now_ns = now.time_since_epoch().count();
  tocsin_store_state opened{};
  opened.size = sizeof(opened);
  tocsin_fault fault = empty_fault();
  const Worker::Inside inside(worker_, "open");
  const std::uint32_t status =
      worker_.instance().plugin().storage->open(worker_.self(), &how, &opened, &fault);
  if (status != TOCSIN_OK) return fail(code_of(status), fault_text(fault));
  if (opened.epoch == 0 || opened.node >= kNodes ||
      (opened.backlog_count > 0 && opened.backlog == nullptr)) {
    return fail(Code::kInternal, "the storage opened without a usable epoch and node");
  }
  stage::StoreState state;
  state.epoch = opened.epoch;
  state.node = opened.node;
  state.high_mark = {opened.high_mark};
  state.taken_over = opened.taken_over;
  for (std::uint32_t i = 0; i < opened.backlog_count; ++i) {
    const tocsin_backlog_count& row = item_of(opened.backlog, opened.backlog_stride, i);
    state.backlog.push_back({copy_of(row.output), row.ready, row.dead});
  }
  return state;
}

void StorageAdapter::apply(std::span<stage::Operation* const> batch,
                           Function<void(stage::Applied)> done) {
  TOCSIN_ASSERT(!applying_, "a batch was applied before the last one was done");
  applying_ = true;
  ++batch_;
  done_ = std::move(done);
  operations_.load(batch);
  const Worker::Inside inside(worker_, "apply");
  worker_.instance().plugin().storage->apply(worker_.self(), operations_.operations(),
                                             operations_.count(), batch_);
}

std::uint32_t StorageAdapter::applied(tocsin_token token, std::uint32_t outcome,
                                      const tocsin_fault* fault) {
  if (!applying_ || token != batch_ || outcome_) return worker_.late("applied");
  stage::Applied applied;
  if (outcome == TOCSIN_APPLIED && operations_.read_results()) {
    applied.kind = stage::Applied::Kind::kCommitted;
  } else {
    applied.kind = outcome == TOCSIN_APPLY_FAILED ? stage::Applied::Kind::kFailed
                                                  : stage::Applied::Kind::kUnknown;
    applied.error = fault == nullptr ? Error{Code::kInternal, "the storage gave no reason", {}}
                                     : Error{code_of(fault->code), fault_text(*fault), {}};
  }
  outcome_ = std::move(applied);
  worker_.note(*this);
  return outcome > TOCSIN_APPLY_UNKNOWN ? worker_.misused("applied without an outcome")
                                        : std::uint32_t{TOCSIN_OK};
}

void StorageAdapter::after_callback() {
  applying_ = false;
  stage::Applied outcome = std::move(*outcome_);
  outcome_.reset();
  Function<void(stage::Applied)> done = std::move(done_);  // it may begin the next batch
  done(std::move(outcome));
}

Result<stage::QueryResult> StorageAdapter::query(const stage::Query& query) {
  std::vector<std::uint64_t> ids;
  ids.reserve(query.ids.size());
  for (const message::NotificationId id : query.ids) ids.push_back(id.value);
  tocsin_query asked{};
  asked.size = sizeof(asked);
  asked.kind = static_cast<std::uint32_t>(query.what);
  asked.notification_id = query.id.value;
  asked.output = str_of(query.output);
  if (query.before) {
    asked.before_notification_id = query.before->notification.value;
    asked.before_ordinal = query.before->ordinal;
  }
  asked.limit = std::min(query.limit, stage::kPageRowsMax);
  asked.ids = ids.data();
  asked.id_count = static_cast<std::uint32_t>(ids.size());
  asked.text = str_of(query.text);
  stage::QueryResult result;
  const Rows rows(query.what, result);
  tocsin_fault fault = empty_fault();
  const std::uint32_t status = worker_.instance().plugin().storage->query(
      worker_.instance().self(), &asked, &rows.sink(), &fault);
  if (status != TOCSIN_OK) return fail(code_of(status), fault_text(fault));
  return result;
}

Result<std::optional<stage::Record>> StorageAdapter::get_record(std::string_view collection,
                                                                std::string_view key,
                                                                WallTime now) {
  stage::RecordPage page;
  const RecordRows rows(1, page);
  tocsin_fault fault = empty_fault();
  const std::uint32_t status = worker_.instance().plugin().storage->records->get(
      worker_.instance().self(), str_of(collection), str_of(key), now.time_since_epoch().count(),
      &rows.sink(), &fault);
  if (status != TOCSIN_OK) return fail(code_of(status), fault_text(fault));
  if (page.records.empty()) return std::nullopt;
  return std::move(page.records.front());
}

Result<stage::RecordPage> StorageAdapter::scan_records(const stage::RecordScan& scan,
                                                       WallTime now) {
  tocsin_record_scan asked{};
  asked.size = sizeof(asked);
  asked.descending = scan.descending ? 1 : 0;
  asked.collection = str_of(scan.collection);
  asked.prefix = str_of(scan.prefix);
  asked.after = str_of(scan.after);
  asked.limit = std::clamp(scan.limit, 1U, stage::kRecordPageRowsMax);
  asked.now_ns = now.time_since_epoch().count();
  stage::RecordPage page;
  const RecordRows rows(asked.limit, page);
  tocsin_fault fault = empty_fault();
  const std::uint32_t status = worker_.instance().plugin().storage->records->scan(
      worker_.instance().self(), &asked, &rows.sink(), &fault);
  if (status != TOCSIN_OK) return fail(code_of(status), fault_text(fault));
  return page;
}

void StorageAdapter::close() {
  const Worker::Inside inside(worker_, "close");
  worker_.instance().plugin().storage->close(worker_.self());
}

}  // namespace tocsin::plugin
