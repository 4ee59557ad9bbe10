#include "gateway/plugin/store_door.h"

#include <optional>
#include <string_view>
#include <utility>

#include "gateway/message/notification.h"
#include "gateway/message/report.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/text.h"
#include "gateway/plugin/worker.h"
#include "gateway/stage/records.h"
#include "gateway/stage/reports.h"
#include "gateway/stage/suppression_list.h"

namespace tocsin::plugin {

namespace {

// A plugin hears no more of a failure than that it may ask again.
std::uint32_t status_of_call(const Error& error) {
  return error.code == Code::kNotFound ? TOCSIN_NOT_FOUND : TOCSIN_UNAVAILABLE;
}

tocsin_record_answer record_answer(const Result<std::optional<stage::Record>>& found) {
  tocsin_record_answer answer{};
  answer.size = sizeof(answer);
  if (!found) {
    answer.status = TOCSIN_UNAVAILABLE;
  } else if (!*found) {
    answer.status = TOCSIN_NOT_FOUND;
    answer.version = TOCSIN_RECORD_ABSENT;
  } else {
    answer.value = str_of((*found)->value);
    answer.version = (*found)->version;
  }
  return answer;
}

// The contract's 0 is any, and its version of what is not there is no version.
stage::RecordVersion condition_of(std::uint64_t version) {
  if (version == 0) return stage::kAnyVersion;
  return version == TOCSIN_RECORD_ABSENT ? stage::kNoVersion : version;
}

bool is_key(tocsin_str key) {
  return is_readable(key) && key.len > 0 && key.len <= StoreDoor::kKeyBytesMax;
}

}  // namespace

// Nothing here can be taken back, so an answer finds out whether anybody is left.
struct StoreDoor::Shared {
  StoreDoor* door = nullptr;
  std::size_t calls = 0;
};

StoreDoor::StoreDoor(Worker& worker) : worker_(worker), shared_(std::make_shared<Shared>()) {
  shared_->door = this;
}

StoreDoor::~StoreDoor() { shared_->door = nullptr; }

std::size_t StoreDoor::under_way() const { return shared_->calls; }

bool StoreDoor::full() const { return shared_->calls >= kCallsMax; }

void StoreDoor::tell(Told fn, void* user, std::uint32_t status) {
  if (fn == nullptr) return;
  const Worker::Inside inside(worker_, "store");
  fn(user, status);
}

auto StoreDoor::teller(Told fn, void* user) {
  ++shared_->calls;
  return [shared = shared_, fn, user](const Result<void>& result) {
    --shared->calls;
    if (shared->door == nullptr) return;
    shared->door->tell(fn, user,
                       result ? std::uint32_t{TOCSIN_OK} : status_of_call(result.error()));
  };
}

std::string StoreDoor::caller() const { return "plugin:" + worker_.instance().id(); }

// An instance of another plugin that takes its name finds nothing of what it would not understand.
std::string StoreDoor::full_key(tocsin_str key) const {
  std::string full = worker_.instance().id();
  full.append("/").append(worker_.instance().label()).append("/").append(view_of(key));
  return full;
}

std::uint32_t StoreDoor::report(const tocsin_report& report, Told fn, void* user) {
  stage::Reports* reports = worker_.environment().reports;
  const bool sound = report.size >= sizeof(report) && report.state <= TOCSIN_REPORT_BOUNCED &&
                     is_readable(report.delivery_id) && is_readable(report.provider_id) &&
                     is_readable(report.reason);
  if (!sound) return worker_.misused("report of nothing that can be");
  if (reports == nullptr) return TOCSIN_UNAVAILABLE;
  const auto id = message::DeliveryId::parse(view_of(report.delivery_id));
  if (!id) return TOCSIN_NOT_FOUND;
  if (full()) return TOCSIN_FULL;
  reports->report({.state = static_cast<message::ReportState>(report.state),
                   .id = *id,
                   .provider_id = copy_of(report.provider_id),
                   .reason = copy_of(report.reason)},
                  teller(fn, user));
  return TOCSIN_OK;
}

std::uint32_t StoreDoor::suppress(const tocsin_suppression& suppression, Told fn, void* user) {
  stage::SuppressionList* list = worker_.environment().suppressions;
  const bool sound = suppression.size >= sizeof(suppression) && suppression.ttl_ns >= 0 &&
                     is_readable(suppression.address) && is_readable(suppression.reason);
  if (!sound) return worker_.misused("suppress of nothing that can be");
  if (list == nullptr) return TOCSIN_UNAVAILABLE;
  // Such addresses come from outside, so it is no fault of the plugin's.
  if (!list->takes(view_of(suppression.address))) return TOCSIN_INVALID;
  if (full()) return TOCSIN_FULL;
  if (suppression.lift != 0) {
    list->lift(view_of(suppression.address), caller(), teller(fn, user));
  } else {
    list->suppress({.address = copy_of(suppression.address),
                    .reason = copy_of(suppression.reason),
                    .by = caller(),
                    .keep = Duration(suppression.ttl_ns)},
                   teller(fn, user));
  }
  return TOCSIN_OK;
}

std::uint32_t StoreDoor::get(tocsin_str key, Found fn, void* user) {
  stage::Records* records = worker_.environment().records;
  if (fn == nullptr || !is_key(key)) return worker_.misused("record_get of no key");
  if (records == nullptr) return TOCSIN_UNAVAILABLE;
  if (full()) return TOCSIN_FULL;
  ++shared_->calls;
  records->get(kCollection, full_key(key),
               [shared = shared_, fn, user](const Result<std::optional<stage::Record>>& found) {
                 --shared->calls;
                 if (shared->door == nullptr) return;
                 const tocsin_record_answer answer = record_answer(found);
                 const Worker::Inside inside(shared->door->worker_, "store");
                 fn(user, &answer);
               });
  return TOCSIN_OK;
}

std::uint32_t StoreDoor::put(tocsin_str key, tocsin_str value, std::uint64_t version,
                             std::int64_t ttl_ns, Told fn, void* user) {
  stage::Records* records = worker_.environment().records;
  const bool sound =
      is_key(key) && is_readable(value) && value.len <= kValueBytesMax && ttl_ns >= 0;
  if (!sound) return worker_.misused("record_put beyond a limit");
  if (records == nullptr) return TOCSIN_UNAVAILABLE;
  if (full()) return TOCSIN_FULL;
  ++shared_->calls;
  records->put({.collection = std::string(kCollection),
                .key = full_key(key),
                .value = copy_of(value),
                .if_version = condition_of(version),
                .ttl = Duration(ttl_ns)},
               [shared = shared_, fn, user](const Result<stage::RecordOutcome>& put) {
                 --shared->calls;
                 if (shared->door == nullptr) return;
                 const std::uint32_t kept = put && put->changed ? TOCSIN_OK : TOCSIN_EXISTS;
                 shared->door->tell(fn, user, put ? kept : std::uint32_t{TOCSIN_UNAVAILABLE});
               });
  return TOCSIN_OK;
}

}  // namespace tocsin::plugin
