#include "gateway/plugin/crash_map.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "gateway/plugin/crash_file.h"

namespace tocsin::plugin {

namespace {

using Entry = CrashMap::Slot::Entry;

template <std::size_t kSize>
void put(std::string_view text, std::array<char, kSize>& out) {
  out.fill('\0');
  text.copy(out.data(), kSize - 1);
}
template <std::size_t kSize>
std::string_view text_of(const std::array<char, kSize>& from) {
  return {from.data(), ::strnlen(from.data(), kSize)};
}

CrashName name_of(std::string_view plugin, std::string_view id) {
  CrashName name{};
  put(plugin, name.plugin);
  put(id, name.id);
  return name;
}
bool same(const CrashName& one, const CrashName& other) {
  return one.plugin == other.plugin && one.id == other.id;
}

CrashFinding finding(const CrashName& name, WallTime at, std::uint32_t signal,
                     std::span<const Entry> entries) {
  CrashFinding found{.at = at,
                     .plugin = std::string(text_of(name.plugin)),
                     .id = std::string(text_of(name.id)),
                     .signal = static_cast<int>(signal),
                     .deliveries = {}};
  for (const Entry& entry : entries) {
    found.deliveries.push_back({{entry.notification}, static_cast<std::uint32_t>(entry.ordinal)});
  }
  return found;
}

std::size_t bounded(std::uint64_t count) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(count, CrashMap::kDeliveriesMax));
}

void read_records(const CrashFile& file, std::vector<CrashFinding>& history) {
  for (const CrashRecord& record : file.records()) {
    if (record.name.plugin[0] == '\0') continue;
    history.push_back(finding(record.name, WallTime(Duration(record.at_ns)), record.signal,
                              {record.entries.data(), bounded(record.deliveries)}));
  }
}

void read_slots(const CrashFile& file, WallTime now, std::vector<CrashFinding>& found) {
  for (const CrashMap::Slot& slot : file.slots()) {
    const std::uint32_t number = slot.plugin.load(std::memory_order_relaxed);
    const std::uint32_t signal = slot.crashed.load(std::memory_order_relaxed);
    if (signal == 0 || number == 0 || number > CrashMap::kNamesMax) continue;
    const std::uint32_t count = slot.deliveries.load(std::memory_order_relaxed);
    found.push_back(
        finding(file.names()[number - 1], now, signal, {slot.entries.data(), bounded(count)}));
  }
}

// What all findings of an instance have in hand.
std::vector<message::DeliveryId> common_deliveries(const std::vector<CrashFinding>& findings) {
  std::vector<message::DeliveryId> common = findings.front().deliveries;
  for (const CrashFinding& one : findings) {
    std::erase_if(common, [&](const message::DeliveryId& id) {
      return std::ranges::find(one.deliveries, id) == one.deliveries.end();
    });
  }
  return common;
}

class SlotPresence final : public stage::Presence {
 public:
  SlotPresence(CrashMap::Slot& slot, std::uint32_t number) : slot_(slot), number_(number) {}

  void enter(const char* callback, const message::DeliveryId* delivery) override {
    outer_ = slot_.plugin.load(std::memory_order_relaxed);
    has_delivery_ = delivery != nullptr;
    if (has_delivery_) {
      slot_.entries[0] = {delivery->notification.value, delivery->ordinal};
      slot_.deliveries.store(1, std::memory_order_release);
    }
    slot_.callback.store(callback, std::memory_order_relaxed);
    slot_.plugin.store(number_, std::memory_order_release);
  }
  void leave() override {
    if (has_delivery_) slot_.deliveries.store(0, std::memory_order_relaxed);
    slot_.plugin.store(outer_, std::memory_order_relaxed);
  }

 private:
  CrashMap::Slot& slot_;
  const std::uint32_t number_;
  std::uint32_t outer_ = 0;  // who was inside before
  bool has_delivery_ = false;
};

}  // namespace

struct CrashMap::Left {
  std::optional<CrashFile> own;
  std::vector<CrashFinding> found;
  std::vector<CrashFinding> history;
};

CrashMap::CrashMap(std::size_t loops)
    : file_(std::make_unique<CrashFile>(loops)), slots_(file_->slots()) {}

CrashMap::~CrashMap() = default;

// The first file that is nobody's, and what is in all that are.
Result<CrashMap::Left> CrashMap::read_left(const std::string& path, WallTime now) {
  Left left;
  for (std::size_t i = 0; i < kFilesMax; ++i) {
    const std::string candidate = i == 0 ? path : path + "." + std::to_string(i);
    auto file = CrashFile::open(candidate, !left.own);
    if (!file && (left.own || file.error().code == Code::kUnavailable)) continue;
    if (!file) return fail(file.error().code, candidate + ": " + file.error().what);
    if (file->load()) {
      read_records(*file, left.history);
      read_slots(*file, now, left.found);
    }
    if (left.own) {
      ::unlink(candidate.c_str());
    } else {
      left.own.emplace(std::move(*file));
    }
  }
  if (!left.own) return fail(Code::kUnavailable, path + ": other processes have it");
  return left;
}

Result<void> CrashMap::keep_in(const std::string& path, WallTime now) {
  TOCSIN_TRY_SET(left, read_left(path, now));
  if (const auto moved = file_->go_over_to(std::move(*left.own)); !moved) {
    return fail(moved.error().code, path + ": " + moved.error().what);
  }
  path_ = path;
  std::ranges::fill(file_->records(), CrashRecord{});
  std::ranges::sort(left.history, {}, &CrashFinding::at);
  for (const CrashFinding& one : left.history) keep(one);
  for (const CrashFinding& one : left.found) keep(one);
  found_ = std::move(left.found);
  return {};
}

// In the place of the oldest.
void CrashMap::keep(const CrashFinding& finding) {
  const auto records = file_->records();
  CrashRecord& place =
      *std::ranges::min_element(records, {}, [](const CrashRecord& one) { return one.at_ns; });
  place.name = name_of(finding.plugin, finding.id);
  place.at_ns = finding.at.time_since_epoch().count();
  place.signal = static_cast<std::uint32_t>(finding.signal);
  place.deliveries = static_cast<std::uint32_t>(bounded(finding.deliveries.size()));
  for (std::size_t i = 0; i < place.deliveries; ++i) {
    place.entries[i] = {finding.deliveries[i].notification.value, finding.deliveries[i].ordinal};
  }
}

std::vector<CrashFinding> CrashMap::history(WallTime now) const {
  std::vector<CrashFinding> recent;
  read_records(*file_, recent);
  std::erase_if(recent, [now](const CrashFinding& one) { return one.at < now - kSuspectWindow; });
  std::ranges::sort(recent, {}, &CrashFinding::at);
  return recent;
}

std::vector<CrashFinding> CrashMap::suspects(WallTime now) const {
  std::vector<CrashFinding> recent = history(now);
  std::vector<CrashFinding> suspects;
  while (!recent.empty()) {
    const CrashFinding newest = recent.back();
    std::vector<CrashFinding> of_one;
    std::erase_if(recent, [&](const CrashFinding& one) {
      if (one.plugin != newest.plugin || one.id != newest.id) return false;
      of_one.push_back(one);
      return true;
    });
    const bool suspect = of_one.size() >= kSuspectFindings && common_deliveries(of_one).empty();
    if (suspect) suspects.push_back(newest);
  }
  return suspects;
}

void CrashMap::forgive(std::string_view plugin, std::string_view id) {
  const CrashName name = name_of(plugin, id);
  for (CrashRecord& record : file_->records()) {
    if (same(record.name, name)) record = CrashRecord{};
  }
}

std::uint32_t CrashMap::number_of(std::string_view plugin, std::string_view id) {
  const CrashName name = name_of(plugin, id);
  const std::lock_guard lock(mutex_);
  const auto used = file_->names().first(names_used_);
  const auto known =
      std::ranges::find_if(used, [&](const CrashName& one) { return same(one, name); });
  if (known != used.end()) return static_cast<std::uint32_t>(known - used.begin()) + 1;
  if (names_used_ == kNamesMax) return 0;
  file_->names()[names_used_++] = name;
  return static_cast<std::uint32_t>(names_used_);
}

std::unique_ptr<stage::Presence> CrashMap::presence_of(std::string_view plugin, std::string_view id,
                                                       std::size_t loop) {
  Slot* at = slot(loop);
  const std::uint32_t number = number_of(plugin, id);
  if (at == nullptr || number == 0) return nullptr;
  return std::make_unique<SlotPresence>(*at, number);
}

std::optional<CrashMap::Inside> CrashMap::inside(std::size_t loop) const {
  if (loop >= slots_.size()) return std::nullopt;
  const Slot& slot = slots_[loop];
  const std::uint32_t number = slot.plugin.load(std::memory_order_acquire);
  const std::lock_guard lock(mutex_);  // names are added, never changed
  if (number == 0 || number > names_used_) return std::nullopt;
  const CrashName& name = file_->names()[number - 1];
  const char* callback = slot.callback.load(std::memory_order_relaxed);
  return Inside{std::string(text_of(name.plugin)), std::string(text_of(name.id)),
                callback == nullptr ? "" : callback};
}

}  // namespace tocsin::plugin
