#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/stage/record.h"

namespace tocsin::stage {

/// What to keep under a key, if what is there is what the caller thinks.
struct RecordPut {
  std::string collection;                  ///< of a-z, 0-9 and _, up to kCollectionBytesMax
  std::string key;                         ///< 1 to kRecordKeyBytesMax bytes
  std::string value;                       ///< up to kRecordValueBytesMax bytes
  RecordVersion if_version = kAnyVersion;  ///< kNoVersion: it must be the first
  Duration ttl = Duration::zero();         ///< from the commit on; zero: it stays
};

/// What a change came to.
struct RecordOutcome {
  /// False: if_version was not met, or there was nothing to remove.
  bool changed = false;
  /// The record's from now on; kNoVersion: there is none.
  RecordVersion version = kNoVersion;
};

/// Named collections of small values, kept by the store beside the outbox: what was accepted is
/// there after a crash. One per loop; callbacks come on that loop, once, never inside the call. A
/// change that was answered is seen by every read that begins later. Errors: kInvalid (a name, key
/// or value beyond its limit), kFull (too much is asked at once), kUnavailable (nothing was
/// written, as far as is known), kIo.
class Records {
 public:
  virtual ~Records() = default;
  /// One record, or nothing.
  virtual void get(std::string_view collection, std::string_view key,
                   Function<void(Result<std::optional<Record>>)> done) = 0;
  virtual void put(RecordPut put, Function<void(Result<RecordOutcome>)> done) = 0;
  virtual void remove(std::string_view collection, std::string_view key, RecordVersion if_version,
                      Function<void(Result<RecordOutcome>)> done) = 0;
  /// A page. The next one begins with `after` = the last key of this one.
  virtual void scan(RecordScan scan, Function<void(Result<RecordPage>)> done) = 0;
};

}  // namespace tocsin::stage
