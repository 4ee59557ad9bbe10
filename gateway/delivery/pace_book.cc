#include "gateway/delivery/pace_book.h"

#include <utility>

namespace tocsin::delivery {

std::string PaceBook::key_of(std::string_view output) const {
  return std::string(instance_).append("/").append(output);
}

Result<void> PaceBook::load(stage::Storage& storage, WallTime now) {
  const std::string prefix = key_of({});
  stage::RecordScan scan;
  scan.collection = kPaceCollection;
  scan.prefix = prefix;
  for (bool more = true; more;) {
    TOCSIN_TRY_SET(page, storage.scan_records(scan, now));
    const std::lock_guard lock(mutex_);
    for (const stage::Record& record : page.records) {
      // One that cannot be read is written over or removed as any other.
      entries_[record.key.substr(prefix.size())] = {decode_pace_state(record.value), true};
    }
    more = page.more && !page.records.empty();
    if (more) scan.after = page.records.back().key;
  }
  return {};
}

std::optional<PaceState> PaceBook::find(std::string_view output) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(output);
  return found == entries_.end() ? std::nullopt : found->second.state;
}

void PaceBook::note(const std::string& output, const PaceState& state) {
  const std::lock_guard lock(mutex_);
  entries_[output].state = state;
}

bool PaceBook::recorded(const std::string& output, bool is) {
  const std::lock_guard lock(mutex_);
  return std::exchange(entries_[output].recorded, is);
}

}  // namespace tocsin::delivery
