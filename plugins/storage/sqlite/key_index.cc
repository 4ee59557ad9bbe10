// A unique index over random keys changes a page of its own for nearly every key, and those pages
// are what a commit writes: measured, it doubles the cost of a row. So the rows of keys lie in the
// order of their arrival, and the way from a hash to its row is kept as a log-structured index is:
//
//   keys          id -> hash, body hash, end, outcome      appended, purged from its start
//   recent_       hash -> id, in memory                    the last keys, up to kSegmentKeys
//   key_segments  segment -> last id, filter               filters are in memory, too
//   key_runs      segment * 256 + part -> entries          entries: hash and id, 24 bytes each
//
// When recent_ is full its entries are parted by the top byte of the hash and written as 256 runs
// in one sweep: that is a few ms each 32,768 keys, and 24 bytes a key. A lookup asks recent_ and
// each segment's filter (one cache line), and reads the one run of a segment whose filter says
// "maybe". At opening the filters are read, and the keys behind the last segment.
#include "key_index.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tocsin::sqlite {

namespace {

constexpr std::int64_t kParts = 256;
constexpr std::size_t kEntryBytes = 24;
constexpr int kProbes = 6;
constexpr int kBitsPerProbe = 9;  // of a block of 512 bits

std::size_t part_of(KeyHash key) { return key.high >> 56; }

Blob blob_of(const KeyHash& key) { return {&key, sizeof key}; }

}  // namespace

KeyHash key_of(Blob blob) {
  KeyHash key;
  if (blob.bytes == sizeof key) std::memcpy(&key, blob.data, sizeof key);
  return key;
}

KeyFilter::KeyFilter(std::size_t keys) : words_((keys * kBitsPerKey / 512 + 1) * kBlockWords) {}

KeyFilter::KeyFilter(Blob bytes) {
  constexpr std::size_t kBlockBytes = kBlockWords * sizeof(std::uint64_t);
  if (bytes.bytes == 0 || bytes.bytes % kBlockBytes != 0) return;  // damaged: may hold any key
  words_.resize(bytes.bytes / sizeof(std::uint64_t));
  std::memcpy(words_.data(), bytes.data, bytes.bytes);
}

std::size_t KeyFilter::block_of(KeyHash key) const {
  const std::uint64_t blocks = words_.size() / kBlockWords;
  return static_cast<std::size_t>(((key.high >> 32) * blocks) >> 32) * kBlockWords;
}

void KeyFilter::add(KeyHash key) {
  const std::size_t block = block_of(key);
  std::uint64_t bits = key.low;
  for (int probe = 0; probe < kProbes; ++probe, bits >>= kBitsPerProbe) {
    words_[block + (bits >> 6 & 7)] |= std::uint64_t{1} << (bits & 63);
  }
}

bool KeyFilter::may_hold(KeyHash key) const {
  if (words_.empty()) return true;
  const std::size_t block = block_of(key);
  std::uint64_t bits = key.low;
  for (int probe = 0; probe < kProbes; ++probe, bits >>= kBitsPerProbe) {
    if ((words_[block + (bits >> 6 & 7)] >> (bits & 63) & 1) == 0) return false;
  }
  return true;
}

bool KeyIndex::load(Database& database) {
  if (!insert_.prepare(database,
                       "INSERT INTO keys (id, hash, body, expires_at, deliveries, dropped_by) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING") ||
      !read_.prepare(database,
                     "SELECT hash, body, expires_at, deliveries, dropped_by FROM keys "
                     "WHERE id = ?1") ||
      !read_run_.prepare(database, "SELECT entries FROM key_runs WHERE run = ?1") ||
      !insert_run_.prepare(database, "INSERT INTO key_runs (run, entries) VALUES (?1, ?2)") ||
      !insert_segment_.prepare(
          database, "INSERT INTO key_segments (segment, last_id, filter) VALUES (?1, ?2, ?3)") ||
      !oldest_.prepare(database, "SELECT id, hash, expires_at FROM keys ORDER BY id LIMIT ?1") ||
      !delete_keys_.prepare(database, "DELETE FROM keys WHERE id <= ?1") ||
      !delete_runs_.prepare(database, "DELETE FROM key_runs WHERE run >= ?1 AND run < ?2") ||
      !delete_segment_.prepare(database, "DELETE FROM key_segments WHERE segment = ?1") ||
      !prepare_arrivals(database)) {
    return false;
  }
  recent_.reserve(kSegmentKeys + 1024);
  std::int64_t seal = 0;
  if (!read_seal(seal) || !read_segments(seal)) return false;
  if (!segments_.empty()) last_seal_ = std::max(last_seal_, segments_.back().number);
  last_id_ = std::max(last_id_, sealed_id());
  return read_arrivals();
}

KeyIndex::Lookup KeyIndex::find(KeyHash key, std::int64_t now_ns, Known& known) {
  if (const auto found = recent_.find(key); found != recent_.end()) {
    const Lookup lookup = read_row(found->second, key, now_ns, known);
    if (lookup != Lookup::kAbsent) return lookup;
  }
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    if (!segment->filter.may_hold(key)) continue;
    const Lookup lookup = search_run(*segment, key, now_ns, known);
    if (lookup != Lookup::kAbsent) return lookup;
  }
  return Lookup::kAbsent;
}

KeyIndex::Lookup KeyIndex::search_run(const Segment& segment, KeyHash key, std::int64_t now_ns,
                                      Known& known) {
  auto rows = read_run_.rows(segment.number * kParts + static_cast<std::int64_t>(part_of(key)));
  if (!rows.next()) return rows.failed() ? Lookup::kFailed : Lookup::kAbsent;
  const Blob entries = rows.blob(0);
  const auto* bytes = static_cast<const char*>(entries.data);
  // The newest entry of a key is the last.
  for (std::size_t end = entries.bytes; end >= kEntryBytes; end -= kEntryBytes) {
    Entry entry{};
    std::memcpy(&entry, bytes + end - kEntryBytes, kEntryBytes);
    if (entry.key == key) return read_row(entry.id, key, now_ns, known);
  }
  return Lookup::kAbsent;
}

KeyIndex::Lookup KeyIndex::read_row(std::int64_t id, KeyHash key, std::int64_t now_ns,
                                    Known& known) {
  auto rows = read_.rows(id);
  // It may have been purged, and only its entry in a run is left.
  if (!rows.next()) return rows.failed() ? Lookup::kFailed : Lookup::kAbsent;
  if (rows.number(2) <= now_ns || key_of(rows.blob(0)) != key) return Lookup::kAbsent;
  const KeyHash body = key_of(rows.blob(1));
  known.id = static_cast<std::uint64_t>(id);
  known.body[0] = body.high;
  known.body[1] = body.low;
  known.deliveries = rows.small(3);
  dropped_by_.assign(rows.text(4).ptr, rows.text(4).len);
  known.dropped_by = {dropped_by_.data(), dropped_by_.size()};
  return Lookup::kFound;
}

bool KeyIndex::add(const tocsin_append& append) {
  const KeyHash key{append.key_hash[0], append.key_hash[1]};
  const KeyHash body{append.body_hash[0], append.body_hash[1]};
  if (!insert_.run(append.id, blob_of(key), blob_of(body), append.key_expires_at_ns,
                   append.delivery_count, append.dropped_by)) {
    return false;
  }
  const auto id = static_cast<std::int64_t>(append.id);
  std::int64_t& place = recent_[key];
  added_.push_back({key, place});
  if (shared_ || id <= sealed_id()) arrivals_.push_back({key, id});
  place = id;
  last_id_ = std::max(last_id_, id);
  return true;
}

bool KeyIndex::finish() {
  if (recent_.size() < kSegmentKeys) return write_arrivals();
  const std::int64_t number = last_seal_ + 1;
  KeyFilter filter(recent_.size());
  for (const auto& [key, id] : recent_) filter.add(key);
  if (!write_runs(number) || !insert_segment_.run(number, last_id_, filter.bytes()) ||
      !keep_seal_.run(number) || !delete_arrivals_.run()) {
    return false;
  }
  sealed_.push_back({number, last_id_, std::move(filter)});
  return true;
}

bool KeyIndex::write_runs(std::int64_t segment) {
  static_assert(sizeof(Entry) == kEntryBytes);
  std::array<std::vector<Entry>, kParts> runs;
  for (auto& run : runs) run.reserve(recent_.size() / kParts * 3 / 2);
  for (const auto& [key, id] : recent_) runs[part_of(key)].push_back({key, id});
  for (std::size_t part = 0; part < runs.size(); ++part) {
    const Blob entries{runs[part].data(), runs[part].size() * kEntryBytes};
    if (entries.bytes == 0) continue;
    if (!insert_run_.run(segment * kParts + static_cast<std::int64_t>(part), entries)) return false;
  }
  return true;
}

bool KeyIndex::purge(std::int64_t now_ns, std::uint32_t rows_max, std::uint32_t& deleted,
                     bool& more) {
  std::int64_t passed = 0;
  std::uint32_t count = 0;
  {
    auto rows = oldest_.rows(rows_max);
    while (rows.next() && rows.number(2) <= now_ns) {
      passed = rows.number(0);
      purged_.push_back({key_of(rows.blob(1)), passed});
      ++count;
    }
    if (rows.failed()) return false;
  }
  if (count == 0) return true;
  deleted += count;
  more = more || count == rows_max;
  if (!delete_keys_.run(passed)) return false;
  if (segments_.empty() || segments_.front().last_id > passed) return true;
  const std::int64_t first = segments_.front().number * kParts;
  segment_dropped_ = true;
  return delete_runs_.run(first, first + kParts) && delete_segment_.run(segments_.front().number);
}

void KeyIndex::commit() {
  for (const Entry& entry : purged_) {
    const auto found = recent_.find(entry.key);
    if (found != recent_.end() && found->second == entry.id) recent_.erase(found);
  }
  if (segment_dropped_) segments_.erase(segments_.begin());
  if (!sealed_.empty()) {
    segments_.push_back(std::move(sealed_.front()));
    last_seal_ = segments_.back().number;
    last_arrival_ = kFirstArrival - 1;
    recent_.clear();
    bound_filters();
  } else if (!arrivals_.empty()) {
    ++last_arrival_;
  }
  arrivals_.clear();
  added_.clear();
  purged_.clear();
  sealed_.clear();
  segment_dropped_ = false;
}

void KeyIndex::rollback() {
  for (auto entry = added_.rbegin(); entry != added_.rend(); ++entry) {
    if (entry->id != 0) {
      recent_[entry->key] = entry->id;
    } else {
      recent_.erase(entry->key);
    }
  }
  arrivals_.clear();
  added_.clear();
  purged_.clear();
  sealed_.clear();
  segment_dropped_ = false;
}

void KeyIndex::bound_filters() {
  std::size_t bytes = 0;
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    bytes += segment->filter.bytes().bytes;
    if (bytes > kFilterBytesMax) segment->filter.drop();
  }
}

}  // namespace tocsin::sqlite
