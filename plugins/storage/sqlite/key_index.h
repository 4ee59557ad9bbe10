#pragma once

#include <tocsin/storage.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "database.h"

namespace tocsin::sqlite {

/// 128 bits over scope and key, evenly distributed.
struct KeyHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const KeyHash&) const = default;
};
/// As a row keeps it; none of the right size, which is damage, is no key.
KeyHash key_of(Blob blob);

/// Says in a few bytes a key whether a segment may hold it; 1 of 200 times it says so wrongly.
class KeyFilter {
 public:
  static constexpr std::size_t kBitsPerKey = 12;

  explicit KeyFilter(std::size_t keys);
  /// From bytes() of another.
  explicit KeyFilter(Blob bytes);

  void add(KeyHash key);
  bool may_hold(KeyHash key) const;
  Blob bytes() const { return {words_.data(), words_.size() * sizeof(std::uint64_t)}; }
  /// Forgets everything and takes no memory; from then on it may hold any key.
  void drop() { words_ = {}; }

 private:
  static constexpr std::size_t kBlockWords = 8;  // a cache line
  std::size_t block_of(KeyHash key) const;

  std::vector<std::uint64_t> words_;
};

/// Finds idempotency keys by their hash without an index that random keys would tear at;
/// key_index.cc draws how. Belongs to the storage's loop, and to the batch under way between its
/// begin and its commit() or rollback().
class KeyIndex {
 public:
  /// Keys that are searched in memory before they become a segment.
  static constexpr std::size_t kSegmentKeys = 32'768;
  /// Of filters in memory: enough for 44 million keys. Older segments are searched without.
  static constexpr std::size_t kFilterBytesMax = std::size_t{64} << 20;

  /// A key's row. Text until the next find.
  struct Known {
    std::uint64_t id = 0;
    std::uint64_t body[2] = {0, 0};
    std::uint32_t deliveries = 0;
    tocsin_str dropped_by{};
  };
  enum class Lookup { kAbsent, kFound, kFailed };

  bool load(Database& database);

  /// Whether others must learn of the keys of the batch that begins.
  void share(bool shared) { shared_ = shared; }
  /// Others have committed: learns what they added. In a transaction, before anything else.
  bool catch_up();

  /// The newest row of the key that has not expired at `now_ns`.
  Lookup find(KeyHash key, std::int64_t now_ns, Known& known);
  /// Keeps the key of an append, whose id is greater than that of any key this gateway added
  /// before. False: the database failed.
  bool add(const tocsin_append& append);
  /// Ends a batch: makes a segment of the keys in memory when they are many.
  bool finish();
  /// Deletes up to `rows_max` keys past their time, oldest first.
  bool purge(std::int64_t now_ns, std::uint32_t rows_max, std::uint32_t& deleted, bool& more);

  void commit();
  void rollback();

 private:
  struct Segment {
    std::int64_t number = 0;
    std::int64_t last_id = 0;
    KeyFilter filter;
  };
  struct Entry {
    KeyHash key;
    std::int64_t id;
  };
  // The hash is random already.
  struct Identity {
    std::size_t operator()(KeyHash key) const { return key.low; }
  };

  Lookup read_row(std::int64_t id, KeyHash key, std::int64_t now_ns, Known& known);
  Lookup search_run(const Segment& segment, KeyHash key, std::int64_t now_ns, Known& known);
  bool write_runs(std::int64_t segment);
  void bound_filters();

  // key_arrivals.cc
  /// A day's batches fit between it and 0.
  static constexpr std::int64_t kFirstArrival = -(std::int64_t{1} << 48);
  bool prepare_arrivals(Database& database);
  bool read_seal(std::int64_t& seal);
  bool read_segments(std::int64_t seal);
  bool read_keys_behind();
  bool read_arrivals();
  void remember(const Entry& entry);
  bool write_arrivals();
  /// Keys up to it are in a segment, but for those that arrived late.
  std::int64_t sealed_id() const { return segments_.empty() ? 0 : segments_.back().last_id; }

  std::unordered_map<KeyHash, std::int64_t, Identity> recent_;
  std::vector<Segment> segments_;  // oldest first
  std::int64_t last_id_ = 0;       // the greatest of all keys
  bool shared_ = false;
  std::int64_t last_seal_ = 0;                     // the number of the newest segment that ever was
  std::int64_t last_arrival_ = kFirstArrival - 1;  // run that was read or written
  std::string dropped_by_;                         // of the last find

  // What the batch under way changed in memory, to be kept or taken back.
  std::vector<Entry> added_;     // with the id that was there before, or 0
  std::vector<Entry> arrivals_;  // those of added_ that others must learn of
  std::vector<Entry> purged_;
  std::vector<Segment> sealed_;  // none or one
  bool segment_dropped_ = false;

  Statement insert_;
  Statement read_;
  Statement read_run_;
  Statement insert_run_;
  Statement insert_segment_;
  Statement oldest_;
  Statement delete_keys_;
  Statement delete_runs_;
  Statement delete_segment_;
  Statement read_seal_;
  Statement keep_seal_;
  Statement segments_behind_;
  Statement first_segment_;
  Statement keys_behind_;
  Statement read_arrivals_;
  Statement delete_arrivals_;
};

}  // namespace tocsin::sqlite
