// The key is the instant in nanoseconds as 16 hexadecimal digits, a dash and the process's tag as
// 8: keys of one process ascend strictly, whatever its clock does, and those of all lie in the
// order of time.
#include "gateway/admin/store_audit.h"

#include <algorithm>
#include <cstdio>

#include "gateway/admin/rows_json.h"
#include "gateway/base/assert.h"

namespace tocsin::admin {

namespace {

constexpr std::size_t kTimeDigits = 16;
constexpr std::size_t kTagDigits = 8;

std::string make_key(WallTime at, std::uint32_t tag) {
  char text[kTimeDigits + 1 + kTagDigits + 1];
  std::snprintf(text, sizeof(text), "%016llx-%08x",
                static_cast<unsigned long long>(at.time_since_epoch().count()), tag);
  return text;
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string json_of(const AuditRecord& record, const std::string& id, WallTime at) {
  std::string text;
  JsonWriter json(text);
  const auto member = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) json.pair(name, value.substr(0, StoreAudit::kMemberBytesMax));
  };
  json.begin_object();
  json.pair("id", id);
  time_pair(json, "at", at);
  member("who", record.who);
  member("role", record.role);
  member("action", record.action);
  member("target", record.target);
  member("result", record.result);
  json.key("status");
  json.number(record.status);
  member("detail", record.detail);
  member("peer", record.peer);
  member("request_id", record.request_id);
  json.end_object();
  return text;
}

policy::RateLimit unknown_limit() {
  const auto limit = policy::RateLimit::make({.count = 1, .period = StoreAudit::kUnknownEvery},
                                             StoreAudit::kUnknownBurst);
  TOCSIN_ASSERT(limit.has_value(), "a limit of our own is none");
  return *limit;
}

}  // namespace

bool is_audit_id(std::string_view text) {
  return text.size() == kTimeDigits + 1 + kTagDigits && text[kTimeDigits] == '-' &&
         is_hex(text.substr(0, kTimeDigits)) && is_hex(text.substr(kTimeDigits + 1));
}

StoreAudit::StoreAudit(AuditSink& also, stage::Records& records, const Clock& clock,
                       telemetry::Log& log, telemetry::Metrics& metrics, Options options)
    : also_(also),
      records_(records),
      clock_(clock),
      log_(log),
      lost_(metrics.counter("tocsin_audit_lost_total",
                            "Audit records that were logged and not kept in the store.")),
      options_(options),
      unknown_(unknown_limit()) {}

void StoreAudit::record(const AuditRecord& record) {
  also_.record(record);
  if (!open_ || !welcome(record)) return lost_.add();
  const WallTime at = clock_.wall();
  last_ = std::max(at, last_ + Duration(1));
  std::string key = make_key(last_, options_.tag);
  std::string value = json_of(record, key, at);
  records_.put({.collection = std::string(kAuditCollection),
                .key = std::move(key),
                .value = std::move(value),
                .if_version = stage::kNoVersion,
                .ttl = options_.keep},
               [this](const Result<stage::RecordOutcome>& result) { on_kept(result); });
}

bool StoreAudit::welcome(const AuditRecord& record) {
  return !record.who.empty() || unknown_.take(clock_.mono()).allowed;
}

// One line when it begins, one when it ends: each change has a line of its own already.
void StoreAudit::on_kept(const Result<stage::RecordOutcome>& result) {
  const bool kept = result && result->changed;
  if (!kept) lost_.add();
  if (failing_ == !kept) return;
  failing_ = !kept;
  if (kept) {
    TOCSIN_LOG(log_, kInfo, "audit", "audit records are kept in the store again");
  } else {
    TOCSIN_LOG(log_, kWarning, "audit", "the store does not keep audit records: see the log",
               {"error", result ? std::string("the key is taken") : result.error().text()});
  }
}

}  // namespace tocsin::admin
