#include "gateway/delivery/outbox_records.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "gateway/delivery/store_read.h"

namespace tocsin::delivery {

namespace {

bool is_collection(std::string_view name) {
  return !name.empty() && name.size() <= stage::kCollectionBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::optional<Error> fault_of(std::string_view collection, std::string_view key,
                              std::string_view value) {
  const auto invalid = [](std::string what) { return Error{Code::kInvalid, std::move(what), {}}; };
  if (!is_collection(collection)) return invalid("this is no name of a collection");
  if (key.empty()) return invalid("a record needs a key");
  if (key.size() > stage::kRecordKeyBytesMax) {
    return invalid("a record's key has at most " + std::to_string(stage::kRecordKeyBytesMax) +
                   " bytes");
  }
  if (value.size() > stage::kRecordValueBytesMax) {
    return invalid("a record's value has at most " + std::to_string(stage::kRecordValueBytesMax) +
                   " bytes");
  }
  return std::nullopt;
}

}  // namespace

/// Lives from its submission to its answer.
class OutboxRecords::Change final : public RecordRequest {
 public:
  Change(OutboxRecords& records, Function<void(Result<stage::RecordOutcome>)> done)
      : records_(records), gone_(records.gone_), done_(std::move(done)) {}

  void on_answered() override {
    const std::unique_ptr<Change> mine(this);
    if (*gone_) return;
    --records_.changes_;
    records_.change_bytes_ -= bytes();
    if (!committed()) return done_(tl::unexpected(store_cannot_commit()));
    done_(stage::RecordOutcome{op.changed, version()});
  }
  void refuse(Error error) { done_(tl::unexpected(std::move(error))); }

 private:
  stage::RecordVersion version() const {
    if (!op.changed) return op.found;
    return op.verb == stage::RecordChange::Verb::kPut ? op.version : stage::kNoVersion;
  }

  OutboxRecords& records_;
  const std::shared_ptr<const bool> gone_;
  Function<void(Result<stage::RecordOutcome>)> done_;
};

OutboxRecords::OutboxRecords(OutboxPort& port, stage::Storage& storage, event::OffloadPool& pool)
    : port_(port), storage_(storage), pool_(pool) {}

OutboxRecords::~OutboxRecords() { *gone_ = true; }

void OutboxRecords::put(stage::RecordPut put, Function<void(Result<stage::RecordOutcome>)> done) {
  auto change = std::make_unique<Change>(*this, std::move(done));
  change->op.verb = stage::RecordChange::Verb::kPut;
  change->op.if_version = put.if_version;
  change->collection = std::move(put.collection);
  change->key = std::move(put.key);
  change->value = std::move(put.value);
  change->ttl = put.ttl;
  submit(std::move(change));
}

void OutboxRecords::remove(std::string_view collection, std::string_view key,
                           stage::RecordVersion if_version,
                           Function<void(Result<stage::RecordOutcome>)> done) {
  auto change = std::make_unique<Change>(*this, std::move(done));
  change->op.verb = stage::RecordChange::Verb::kRemove;
  change->op.if_version = if_version;
  change->collection = collection;
  change->key = key;
  submit(std::move(change));
}

void OutboxRecords::submit(std::unique_ptr<Change> change) {
  std::optional<Error> error = fault_of(change->collection, change->key, change->value);
  const std::size_t bytes = change->bytes();
  if (!error && (changes_ == kChangesMax || bytes > kChangeBytesMax - change_bytes_)) {
    error = store_asked_too_much();
  }
  if (error) {
    port_.loop().post([refused = std::move(change), why = *std::move(error)]() mutable {
      refused->refuse(std::move(why));
    });
    return;
  }
  ++changes_;
  change_bytes_ += bytes;
  port_.submit(*change.release());
}

void OutboxRecords::get(std::string_view collection, std::string_view key,
                        Function<void(Result<std::optional<stage::Record>>)> done) {
  auto read = [&storage = storage_, collection = std::string(collection), key = std::string(key),
               now = port_.loop().wall()] { return storage.get_record(collection, key, now); };
  read_in_pool<std::optional<stage::Record>>(pool_, port_.loop(), std::move(read), std::move(done));
}

void OutboxRecords::scan(stage::RecordScan scan, Function<void(Result<stage::RecordPage>)> done) {
  auto read = [&storage = storage_, scan = std::move(scan), now = port_.loop().wall()] {
    return storage.scan_records(scan, now);
  };
  read_in_pool<stage::RecordPage>(pool_, port_.loop(), std::move(read), std::move(done));
}

}  // namespace tocsin::delivery
