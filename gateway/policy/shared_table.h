#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/policy/gcra.h"
#include "gateway/policy/siphash.h"

namespace tocsin::policy {

struct TableOptions {
  std::size_t entries_max = 100'000;
  std::size_t bytes_max = std::size_t{64} << 20;  ///< keys, values and kEntryBytes for each
  std::size_t shards = 16;                        ///< a power of two; each gets an equal part
  HashSeed seed{};                                ///< random in production, fixed in tests

  /// Code::kInvalid naming the setting that cannot work.
  Result<void> check() const;
};

/// State that all loops see: marks (dedup), limits, counters and values. Every verb takes the time,
/// locks one shard for a bounded moment and copies values in and out. Thread-safe.
///
/// Each family of verbs has a key space of its own, and what happens without room is each one's:
///
///   family    verbs                        without room
///   marks     add_if_absent confirm undo   refused: a flood of keys must not make the table forget
///   what
///                                          it has seen. New keys pass unmarked until old ones end
///   counters  incr                         refused: a quota must not restart
///   limits    take                         the limit that is full again soonest is displaced: it
///   had
///                                          the least left to say, and abusers deep in debt stay.
///                                          With none to displace, unknown keys share one limit a
///                                          shard
///   values    put get                      the value that ends soonest is displaced; a cache may
///   forget
///
/// A verb displaces only its own family, so no flood on one empties another. All of it is counted
/// in Stats: displaced, refused and untracked should be zero on a table of the right size.
///
/// Room is per shard (entries_max / shards); with seeded hashing the shards fill evenly. Ended
/// entries are invisible at once and freed a few at each call; sweep() does so for an idle table.
class SharedTable {
 public:
  static constexpr std::size_t kKeyBytesMax = 1024;
  static constexpr std::size_t kValueBytesMax = 64 * 1024;
  /// Charged for the bookkeeping of every entry.
  static constexpr std::size_t kEntryBytes = 160;
  static constexpr Duration kReservationLapse = std::chrono::seconds(30);

  enum class Outcome : std::uint8_t { kDone, kPresent, kFull, kTooLarge };

  struct Reservation {
    Outcome outcome = Outcome::kFull;
    std::uint64_t token = 0;  ///< for confirm and undo; when kDone
    bool confirmed = false;   ///< when kPresent: false while its outcome is still open
    std::string value;        ///< when kPresent: what the first one left
  };

  struct Taken {
    LimitDecision decision;
    bool tracked = true;  ///< false: decided by the limit that unknown keys share
  };

  struct Stats {
    std::size_t entries = 0;
    std::size_t bytes = 0;
    std::uint64_t ended = 0;      ///< freed after their time
    std::uint64_t lapsed = 0;     ///< of those, reservations nobody confirmed or undid
    std::uint64_t displaced = 0;  ///< limits and values that had to go early
    std::uint64_t refused = 0;    ///< marks, counters and values that found no room
    std::uint64_t untracked = 0;  ///< takes decided by a shared limit
  };

  /// `options` must pass check(); asserts.
  explicit SharedTable(const TableOptions& options);
  ~SharedTable();
  SharedTable(const SharedTable&) = delete;
  SharedTable& operator=(const SharedTable&) = delete;

  /// Reserves `key` with `value` unless it is marked or reserved. The reservation ends by itself
  /// after `lapse`, so a lost outcome never blocks a key for long.
  Reservation add_if_absent(std::string_view key, std::string_view value, MonoTime now,
                            Duration lapse = kReservationLapse);
  /// Turns the reservation into a mark that ends `ttl` from now. False when it has lapsed, whoever
  /// may hold the key by now.
  bool confirm(std::string_view key, std::uint64_t token, MonoTime now, Duration ttl);
  /// Frees the key. False when the reservation has lapsed or is confirmed.
  bool undo(std::string_view key, std::uint64_t token, MonoTime now);

  /// Spends `cost` of the key's limit (see Gcra). An entry lives until its burst is whole again. A
  /// key beyond kKeyBytesMax is not tracked on its own.
  Taken take(std::string_view key, const RateLimit& limit, MonoTime now, std::uint32_t cost = 1);

  /// A copy of the live value.
  std::optional<std::string> get(std::string_view key, MonoTime now);
  /// Sets the value for `ttl`; a ttl of zero or less removes it. Without kDone the key is absent
  /// afterwards, never stale.
  Outcome put(std::string_view key, std::string_view value, MonoTime now, Duration ttl);

  /// Adds `by` to the counter, saturating, and returns the sum; `ttl` counts from the first
  /// addition, later ones do not extend it. Adding 0 reads and creates nothing. Nothing when a new
  /// key finds no room or is too long. A ttl of zero or less creates nothing.
  std::optional<std::int64_t> incr(std::string_view key, std::int64_t by, MonoTime now,
                                   Duration ttl);

  /// Frees up to `looks_max` ended entries of each family in each shard.
  void sweep(MonoTime now, std::size_t looks_max);

  /// Locks shard after shard: a sum of moments, not one moment.
  Stats stats() const;

 private:
  struct Shard;
  std::uint64_t hash(std::string_view key) const;
  Shard& shard_of(std::uint64_t hash) const;

  TableOptions options_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace tocsin::policy
