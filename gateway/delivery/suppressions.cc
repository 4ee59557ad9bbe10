#include "gateway/delivery/suppressions.h"

#include <algorithm>
#include <utility>

#include "gateway/base/json_reader.h"
#include "gateway/base/json_writer.h"
#include "gateway/delivery/settle.h"
#include "gateway/message/address.h"
#include "gateway/message/notification_codec.h"
#include "gateway/message/time_text.h"

namespace tocsin::delivery {

namespace {

constexpr std::size_t kTableBytesMax = std::size_t{128} << 20;

std::string encode(const Suppression& one) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("reason", cut_text(one.reason, kSuppressionReasonBytesMax));
  json.pair("by", one.by);
  message::TimeBuffer buffer;
  json.pair("since", message::format_time(one.since, buffer));
  json.end_object();
  return text;
}

std::string text_of(const Value& members, std::string_view name) {
  const Value* found = members.find(name);
  return found != nullptr && found->is<std::string>() ? found->as<std::string>() : std::string();
}

}  // namespace

std::optional<Suppression> decode_suppression(const stage::Record& record) {
  const Result<Value> document = read_json(record.value);
  if (!document || !document->is<Value::Map>()) return std::nullopt;
  Suppression one;
  one.address = record.key;
  one.reason = text_of(*document, "reason");
  one.by = text_of(*document, "by");
  one.since = message::parse_time(text_of(*document, "since")).value_or(WallTime{});
  one.until = record.expires_at;
  return one;
}

bool is_suppressible(std::string_view address) {
  return message::parse_recipient(address).has_value();
}

policy::TableOptions Suppressions::table_options() {
  policy::TableOptions options;
  options.entries_max = kSuppressionsMax;
  options.bytes_max = kTableBytesMax;
  return options;
}

void Suppressions::remember(policy::SharedTable& table, const stage::Record& record, MonoTime now,
                            WallTime wall) {
  const std::optional<Suppression> one = decode_suppression(record);
  const Duration left = record.expires_at ? *record.expires_at - wall : kForget;
  // What cannot be read was still meant to stop the address.
  table.put(message::normal_address(record.key),
            one ? one->reason : "for a reason that cannot be read", now, std::min(left, kForget));
}

Result<void> Suppressions::load(policy::SharedTable& table, stage::Storage& storage,
                                const Clock& clock) {
  stage::RecordScan scan;
  scan.collection = kSuppressionCollection;
  for (bool more = true; more;) {
    TOCSIN_TRY_SET(page, storage.scan_records(scan, clock.wall()));
    for (const stage::Record& one : page.records) remember(table, one, clock.mono(), clock.wall());
    more = page.more && !page.records.empty();
    if (more) scan.after = page.records.back().key;
  }
  return {};
}

std::optional<std::string> Suppressions::find(std::string_view address) const {
  if (message::is_normal_address(address)) return table_.get(address, loop_.now());
  return table_.get(message::normal_address(address), loop_.now());
}

void Suppressions::suppress(const Suppression& one, Duration keep, Done done) {
  const std::string_view reason = cut_text(one.reason, kSuppressionReasonBytesMax);
  std::string key = message::normal_address(one.address);
  table_.put(key, reason, loop_.now(), keep > Duration::zero() ? std::min(keep, kForget) : kForget);
  records_.put({.collection = std::string(kSuppressionCollection),
                .key = key,
                .value = encode(one),
                .ttl = keep},
               [this, address = key,
                told = std::move(done)](const Result<stage::RecordOutcome>& put) mutable {
                 if (!put) {
                   TOCSIN_LOG(log_, kWarning, "delivery", "a suppressed address is not yet kept",
                              {"address", address}, {"error", put.error().text()});
                 }
                 if (told) told(put);
               });
}

void Suppressions::lift(std::string_view address, Done done) {
  const std::string key = message::normal_address(address);
  records_.remove(kSuppressionCollection, key, stage::kAnyVersion,
                  [this, lifted = key,
                   told = std::move(done)](const Result<stage::RecordOutcome>& removed) mutable {
                    if (removed) table_.put(lifted, {}, loop_.now(), Duration::zero());
                    if (told) told(removed);
                  });
}

void Suppressions::keep_fresh() {
  refresh_timer_.emplace(loop_.timers(), [this] { refresh({}); });
  refresh_timer_->arm_after(kRefreshEvery);
}

void Suppressions::refresh(std::string after) {
  stage::RecordScan scan;
  scan.collection = kSuppressionCollection;
  scan.after = std::move(after);
  records_.scan(std::move(scan), [this](const Result<stage::RecordPage>& page) {
    if (!refresh_timer_) return;
    if (page) {
      for (const stage::Record& one : page->records) {
        remember(table_, one, loop_.now(), loop_.wall());
      }
      if (page->more && !page->records.empty()) return refresh(page->records.back().key);
    }
    refresh_timer_->arm_after(kRefreshEvery);
  });
}

}  // namespace tocsin::delivery
