#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/clock.h"

// Records: named collections of small values that a store keeps beside the outbox.

namespace tocsin::stage {

/// Says which put a record is of. Ascending over the life of a store, never given twice: a record
/// that was removed and made again has another one.
using RecordVersion = std::uint64_t;
inline constexpr RecordVersion kNoVersion = 0;  ///< there is no record
/// As a condition: whatever is there, or nothing.
inline constexpr RecordVersion kAnyVersion = std::numeric_limits<RecordVersion>::max();

inline constexpr std::size_t kCollectionBytesMax = 64;
inline constexpr std::size_t kRecordKeyBytesMax = 512;
inline constexpr std::size_t kRecordValueBytesMax = std::size_t{64} << 10;
inline constexpr std::uint32_t kRecordPageRowsMax = 500;
inline constexpr std::size_t kRecordPageBytes = std::size_t{1} << 20;

struct Record {
  std::string key;    ///< any bytes, compared as such
  std::string value;  ///< any bytes
  RecordVersion version = kNoVersion;
  std::optional<WallTime> expires_at;  ///< nothing: it stays
};

/// The records of a collection whose keys begin with `prefix`, in the order of their keys.
struct RecordScan {
  std::string collection;
  std::string prefix;
  std::string after;        ///< only keys beyond it, in the direction of the scan; empty: all
  bool descending = false;  ///< the greatest key first
  std::uint32_t limit = kRecordPageRowsMax;  ///< 1 to kRecordPageRowsMax
};

/// A page ends with `limit` records, or with the one with which keys and values reach
/// kRecordPageBytes.
struct RecordPage {
  std::vector<Record> records;
  bool more = false;  ///< there may be records behind the last
};

}  // namespace tocsin::stage
