#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/stage/storage.h"

namespace tocsin::delivery::testing {

/// The records FakeStorage keeps beside its rows.
class FakeRecords {
 public:
  /// Behind the gateway's back.
  void set(std::string_view collection, std::string_view key, std::string value) {
    records_[{std::string(collection), std::string(key)}] = {std::string(key), std::move(value),
                                                             ++newest_version_, std::nullopt};
  }
  void clear() { records_.clear(); }

  std::optional<stage::Record> get(std::string_view collection, std::string_view key,
                                   WallTime now) const {
    const auto at = records_.find({std::string(collection), std::string(key)});
    if (at == records_.end() || !lives(at->second, now)) return std::nullopt;
    return at->second;
  }

  stage::RecordPage scan(const stage::RecordScan& scan, WallTime now) const {
    stage::RecordPage page;
    for (const auto& [place, record] : records_) {
      if (place.first != scan.collection || !place.second.starts_with(scan.prefix) ||
          place.second <= scan.after || !lives(record, now)) {
        continue;
      }
      page.records.push_back(record);
      page.more = page.records.size() == scan.limit;
      if (page.more) break;
    }
    return page;
  }

  void change(stage::RecordChange& op) {
    const std::pair place{std::string(op.collection), std::string(op.key)};
    const auto at = records_.find(place);
    const bool there = at != records_.end() && lives(at->second, op.now);
    op.found = there ? at->second.version : stage::kNoVersion;
    const bool met = op.if_version == stage::kAnyVersion || op.if_version == op.found;
    const bool put = op.verb == stage::RecordChange::Verb::kPut;
    op.changed = met && (put || there);
    if (!op.changed) return;
    records_.erase(place);
    if (!put) return;
    TOCSIN_ASSERT(op.version > newest_version_, "a version was given twice");
    newest_version_ = op.version;
    records_.emplace(place,
                     stage::Record{place.second, std::string(op.value), op.version, op.expires_at});
  }

 private:
  static bool lives(const stage::Record& record, WallTime now) {
    return !record.expires_at || *record.expires_at > now;
  }

  std::map<std::pair<std::string, std::string>, stage::Record> records_;
  stage::RecordVersion newest_version_ = 0;
};

}  // namespace tocsin::delivery::testing
