// A shard is one mutex over four expiring maps, one per family. The top bits of the seeded hash
// choose the shard, the rest the bucket inside, so the key is hashed once.
#include "gateway/policy/shared_table.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <mutex>

#include "gateway/base/assert.h"
#include "gateway/policy/expiring_map.h"

namespace tocsin::policy {

namespace {

/// Ended entries freed in passing, and moved ends put right before something is displaced.
constexpr std::size_t kLooksPerCall = 4;
constexpr std::size_t kLooksWhenFull = 32;

struct Mark {
  std::uint64_t token = 0;
  bool confirmed = false;
  std::string value;
};

/// now + ttl without leaving the range of the clock.
MonoTime end_after(MonoTime now, Duration ttl) {
  return now + std::clamp(ttl, Duration::zero(), RateLimit::kRefillMax);
}

}  // namespace

struct alignas(64) SharedTable::Shard {
  mutable std::mutex mutex;
  std::size_t entries_max = 0;
  std::size_t bytes_max = 0;
  ExpiringMap<Mark> marks;
  ExpiringMap<MonoTime> limits;
  ExpiringMap<std::string> values;
  ExpiringMap<std::int64_t> counters;
  MonoTime shared_limit = MonoTime::min();
  std::uint64_t last_token = 0;
  unsigned turn = 0;
  Stats counted;

  std::size_t entries() const {
    return marks.size() + limits.size() + values.size() + counters.size();
  }
  std::size_t bytes() const {
    return marks.bytes() + limits.bytes() + values.bytes() + counters.bytes();
  }
  bool has_room(std::size_t more_bytes) const {
    return entries() < entries_max && bytes() + more_bytes <= bytes_max;
  }

  void note_ended(const Mark& mark) {
    ++counted.ended;
    if (!mark.confirmed) ++counted.lapsed;
  }

  void sweep_family(unsigned family, MonoTime now, std::size_t looks_max) {
    const auto count = [this](const auto&) { ++counted.ended; };
    switch (family) {
      case 0:
        marks.sweep(now, looks_max, [this](const Mark& mark) { note_ended(mark); });
        break;
      case 1:
        limits.sweep(now, looks_max, count);
        break;
      case 2:
        values.sweep(now, looks_max, count);
        break;
      default:
        counters.sweep(now, looks_max, count);
        break;
    }
  }
  void sweep_all(MonoTime now, std::size_t looks_max) {
    for (unsigned family = 0; family < 4; ++family) sweep_family(family, now, looks_max);
  }
  /// Every call pays a little, to each family in turn, so that a quiet family is freed by the
  /// others.
  void sweep_in_passing(MonoTime now) { sweep_family(turn++ % 4, now, kLooksPerCall); }

  bool make_room(MonoTime now, std::size_t more_bytes) {
    if (!has_room(more_bytes)) sweep_all(now, kLooksWhenFull);
    return has_room(more_bytes);
  }

  /// Displaces in `family` until there is room; the newcomer's size bounds how many must go.
  /// Nothing goes when even that would not be enough.
  template <typename Value>
  bool make_room_in(ExpiringMap<Value>& family, MonoTime now, std::size_t more_bytes) {
    if (make_room(now, more_bytes)) return true;
    if (entries() - family.size() >= entries_max) return false;
    if (bytes() - family.bytes() + more_bytes > bytes_max) return false;
    while (!has_room(more_bytes)) {
      family.displace_soonest(kLooksWhenFull);
      ++counted.displaced;
    }
    return true;
  }
};

Result<void> TableOptions::check() const {
  if (!std::has_single_bit(shards) || shards > 1024) {
    return fail(Code::kInvalid, "shards must be a power of two up to 1024");
  }
  if (entries_max < shards) return fail(Code::kInvalid, "entries_max must be at least one a shard");
  if (bytes_max / shards < SharedTable::kEntryBytes) {
    return fail(Code::kInvalid, "bytes_max must leave room for one entry a shard");
  }
  return {};
}

SharedTable::SharedTable(const TableOptions& options) : options_(options) {
  TOCSIN_ASSERT(options_.check(), "table options were not checked");
  shards_ = std::make_unique<Shard[]>(options_.shards);
  for (std::size_t i = 0; i < options_.shards; ++i) {
    shards_[i].entries_max = options_.entries_max / options_.shards;
    shards_[i].bytes_max = options_.bytes_max / options_.shards;
  }
}

SharedTable::~SharedTable() = default;

std::uint64_t SharedTable::hash(std::string_view key) const { return siphash(options_.seed, key); }

SharedTable::Shard& SharedTable::shard_of(std::uint64_t hash) const {
  return shards_[(hash >> 48) & (options_.shards - 1)];
}

SharedTable::Reservation SharedTable::add_if_absent(std::string_view key, std::string_view value,
                                                    MonoTime now, Duration lapse) {
  Reservation result;
  if (key.size() > kKeyBytesMax || value.size() > kValueBytesMax) {
    result.outcome = Outcome::kTooLarge;
    return result;
  }
  const KeyView at{key, hash(key)};
  Shard& shard = shard_of(at.hash);
  const std::lock_guard lock(shard.mutex);
  shard.sweep_in_passing(now);
  if (const Mark* mark = shard.marks.find(at, now); mark != nullptr) {
    result.outcome = Outcome::kPresent;
    result.confirmed = mark->confirmed;
    result.value = mark->value;
    return result;
  }
  shard.marks.remove(at, [&](const Mark& mark) { shard.note_ended(mark); });
  const std::size_t bytes = kEntryBytes + key.size() + value.size();
  if (!shard.make_room(now, bytes)) {
    ++shard.counted.refused;
    return result;
  }
  result.outcome = Outcome::kDone;
  result.token = ++shard.last_token;
  shard.marks.insert(at, Mark{result.token, false, std::string(value)}, end_after(now, lapse),
                     bytes);
  return result;
}

bool SharedTable::confirm(std::string_view key, std::uint64_t token, MonoTime now, Duration ttl) {
  const KeyView at{key, hash(key)};
  Shard& shard = shard_of(at.hash);
  const std::lock_guard lock(shard.mutex);
  Mark* mark = shard.marks.find(at, now);
  if (mark == nullptr || mark->token != token) return false;
  mark->confirmed = true;
  shard.marks.set_end(at, end_after(now, ttl));
  return true;
}

bool SharedTable::undo(std::string_view key, std::uint64_t token, MonoTime now) {
  const KeyView at{key, hash(key)};
  Shard& shard = shard_of(at.hash);
  const std::lock_guard lock(shard.mutex);
  const Mark* mark = shard.marks.find(at, now);
  if (mark == nullptr || mark->token != token || mark->confirmed) return false;
  return shard.marks.remove(at, [](const Mark&) {});
}

SharedTable::Taken SharedTable::take(std::string_view key, const RateLimit& limit, MonoTime now,
                                     std::uint32_t cost) {
  const KeyView at{key, hash(key)};
  Shard& shard = shard_of(at.hash);
  const std::lock_guard lock(shard.mutex);
  shard.sweep_in_passing(now);
  if (MonoTime* arrival = shard.limits.find(at, now); arrival != nullptr) {
    const LimitDecision decision = gcra_take(limit, *arrival, now, cost);
    shard.limits.set_end(at, *arrival);
    return Taken{decision, true};
  }
  MonoTime arrival = MonoTime::min();
  const LimitDecision decision = gcra_take(limit, arrival, now, cost);
  if (!decision.allowed || cost == 0) return Taken{decision, true};  // nothing was spent
  if (shard.limits.remove(at, [](MonoTime) {})) ++shard.counted.ended;
  const std::size_t bytes = kEntryBytes + key.size();
  if (key.size() <= kKeyBytesMax && shard.make_room_in(shard.limits, now, bytes)) {
    shard.limits.insert(at, arrival, arrival, bytes);
    return Taken{decision, true};
  }
  ++shard.counted.untracked;
  return Taken{gcra_take(limit, shard.shared_limit, now, cost), false};
}

std::optional<std::string> SharedTable::get(std::string_view key, MonoTime now) {
  const KeyView at{key, hash(key)};
  Shard& shard = shard_of(at.hash);
  const std::lock_guard lock(shard.mutex);
  const std::string* value = shard.values.find(at, now);
  return value == nullptr ? std::nullopt : std::optional<std::string>(*value);
}

SharedTable::Outcome SharedTable::put(std::string_view key, std::string_view value, MonoTime now,
                                      Duration ttl) {
  const KeyView at{key, hash(key)};
  Shard& shard = shard_of(at.hash);
  const std::lock_guard lock(shard.mutex);
  shard.sweep_in_passing(now);
  shard.values.remove(at, [](const std::string&) {});
  if (key.size() > kKeyBytesMax || value.size() > kValueBytesMax) return Outcome::kTooLarge;
  if (ttl <= Duration::zero()) return Outcome::kDone;
  const std::size_t bytes = kEntryBytes + key.size() + value.size();
  if (!shard.make_room_in(shard.values, now, bytes)) {
    ++shard.counted.refused;
    return Outcome::kFull;
  }
  shard.values.insert(at, std::string(value), end_after(now, ttl), bytes);
  return Outcome::kDone;
}

std::optional<std::int64_t> SharedTable::incr(std::string_view key, std::int64_t by, MonoTime now,
                                              Duration ttl) {
  const KeyView at{key, hash(key)};
  Shard& shard = shard_of(at.hash);
  const std::lock_guard lock(shard.mutex);
  shard.sweep_in_passing(now);
  if (std::int64_t* sum = shard.counters.find(at, now); sum != nullptr) {
    if (__builtin_add_overflow(*sum, by, sum)) {
      *sum = by > 0 ? std::numeric_limits<std::int64_t>::max()
                    : std::numeric_limits<std::int64_t>::min();
    }
    return *sum;
  }
  if (by == 0 || ttl <= Duration::zero()) return by;
  if (shard.counters.remove(at, [](std::int64_t) {})) ++shard.counted.ended;
  const std::size_t bytes = kEntryBytes + key.size();
  if (key.size() > kKeyBytesMax || !shard.make_room(now, bytes)) {
    ++shard.counted.refused;
    return std::nullopt;
  }
  shard.counters.insert(at, by, end_after(now, ttl), bytes);
  return by;
}

void SharedTable::sweep(MonoTime now, std::size_t looks_max) {
  for (std::size_t i = 0; i < options_.shards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    shards_[i].sweep_all(now, looks_max);
  }
}

SharedTable::Stats SharedTable::stats() const {
  Stats sum;
  for (std::size_t i = 0; i < options_.shards; ++i) {
    const Shard& shard = shards_[i];
    const std::lock_guard lock(shard.mutex);
    sum.entries += shard.entries();
    sum.bytes += shard.bytes();
    sum.ended += shard.counted.ended;
    sum.lapsed += shard.counted.lapsed;
    sum.displaced += shard.counted.displaced;
    sum.refused += shard.counted.refused;
    sum.untracked += shard.counted.untracked;
  }
  return sum;
}

}  // namespace tocsin::policy
