// What other gateways on the file must learn of the keys added here, and we of theirs.
//
// Two gateways give ids that interleave, so that "the keys behind the last segment" no longer says
// which are in no segment yet. While others live, a batch therefore leaves its keys as one run with
// a negative number, too, in the order of the commits:
//
//   key_runs   kFirstArrival, kFirstArrival + 1, ...   the keys of a batch each, as entries
//
// Whoever catches up reads the runs behind the last it has seen. Who makes a segment deletes them:
// all of it is in the segment then. Segments carry numbers that are never given again
// (meta.key_segment), so that one number tells whether another made one.
#include <algorithm>
#include <cstring>

#include "key_index.h"

namespace tocsin::sqlite {

bool KeyIndex::prepare_arrivals(Database& database) {
  return read_seal_.prepare(database, "SELECT value FROM meta WHERE name = 'key_segment'") &&
         keep_seal_.prepare(database,
                            "INSERT INTO meta (name, value) VALUES ('key_segment', ?1) "
                            "ON CONFLICT (name) DO UPDATE SET value = excluded.value") &&
         segments_behind_.prepare(database,
                                  "SELECT segment, last_id, filter FROM key_segments "
                                  "WHERE segment > ?1 ORDER BY segment") &&
         first_segment_.prepare(database, "SELECT min(segment) FROM key_segments") &&
         keys_behind_.prepare(database, "SELECT id, hash FROM keys WHERE id > ?1 ORDER BY id") &&
         read_arrivals_.prepare(database,
                                "SELECT run, entries FROM key_runs WHERE run > ?1 AND run < 0 "
                                "ORDER BY run") &&
         delete_arrivals_.prepare(database, "DELETE FROM key_runs WHERE run < 0");
}

bool KeyIndex::catch_up() {
  std::int64_t seal = last_seal_;
  if (!read_seal(seal)) return false;
  if (seal != last_seal_ && !read_segments(seal)) return false;
  return read_arrivals();
}

bool KeyIndex::read_seal(std::int64_t& seal) {
  auto rows = read_seal_.rows();
  if (rows.next()) seal = rows.number(0);
  return !rows.failed();
}

// What was in memory is in a segment now, or purged.
bool KeyIndex::read_segments(std::int64_t seal) {
  recent_.clear();
  last_arrival_ = kFirstArrival - 1;
  auto first = first_segment_.rows();
  if (!first.next()) return false;
  const std::int64_t oldest = first.number(0);  // 0: none is left
  std::erase_if(segments_, [&](const Segment& one) { return one.number < oldest || oldest == 0; });
  auto rows = segments_behind_.rows(segments_.empty() ? 0 : segments_.back().number);
  while (rows.next()) {
    segments_.push_back({rows.number(0), rows.number(1), KeyFilter(rows.blob(2))});
  }
  bound_filters();
  if (rows.failed() || !read_keys_behind()) return false;
  last_seal_ = seal;
  return true;
}

bool KeyIndex::read_keys_behind() {
  auto rows = keys_behind_.rows(sealed_id());
  while (rows.next()) remember({key_of(rows.blob(1)), rows.number(0)});
  return !rows.failed();
}

bool KeyIndex::read_arrivals() {
  auto rows = read_arrivals_.rows(last_arrival_);
  while (rows.next()) {
    last_arrival_ = rows.number(0);
    const Blob entries = rows.blob(1);
    const auto* bytes = static_cast<const char*>(entries.data);
    for (std::size_t at = 0; at + sizeof(Entry) <= entries.bytes; at += sizeof(Entry)) {
      Entry entry{};
      std::memcpy(&entry, bytes + at, sizeof entry);
      remember(entry);
    }
  }
  return !rows.failed();
}

// The newest row of a key is the one with the greatest id.
void KeyIndex::remember(const Entry& entry) {
  std::int64_t& place = recent_[entry.key];
  place = std::max(place, entry.id);
  last_id_ = std::max(last_id_, entry.id);
}

// At the end of a batch that makes no segment.
bool KeyIndex::write_arrivals() {
  if (arrivals_.empty()) return true;
  const Blob entries{arrivals_.data(), arrivals_.size() * sizeof(Entry)};
  return insert_run_.run(last_arrival_ + 1, entries);
}

}  // namespace tocsin::sqlite
