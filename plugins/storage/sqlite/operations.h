#pragma once

#include <tocsin/storage.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backlog.h"
#include "database.h"
#include "key_index.h"
#include "lines.h"
#include "scratch.h"

// What each operation of a batch does, one class a family, in apply_*.cc. All run on the storage's
// loop inside the batch's transaction. They answer false when the database failed, and then the
// whole batch is rolled back.

namespace tocsin::sqlite {

/// What the operations of one open store share.
struct Work {
  Database& database;
  Backlog& backlog;
  Scratch& scratch;
  Lines& lines;
  std::int64_t epoch = 0;
};

/// Append: keys, stream positions, notifications and their deliveries.
class Appender {
 public:
  explicit Appender(Work& work) : work_(work) {}
  bool prepare();
  bool apply(tocsin_append& op);
  /// Writes what was gathered over the batch: positions, key segments.
  bool finish();
  void commit();
  void rollback();
  KeyIndex& keys() { return keys_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Positions = std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>>;

  bool position_of(std::string_view stream, Positions::iterator& position);
  bool arbitrate_key(tocsin_append& op);
  bool write(const tocsin_append& op);
  bool write_delivery(const tocsin_append& op, std::uint32_t ordinal,
                      const tocsin_new_delivery& row, std::int64_t hash);

  Work& work_;
  KeyIndex keys_;
  Positions positions_;  // of the streams this batch names
  Statement insert_notification_;
  Statement insert_delivery_;
  Statement read_position_;
  Statement write_position_;
};

/// Claim, and what is claimed.
class Claimer {
 public:
  explicit Claimer(Work& work) : work_(work) {}
  bool prepare();
  bool apply(tocsin_claim& op);
  bool apply(tocsin_owned& op);

 private:
  bool collect(const tocsin_claim& op, std::int64_t output, tocsin_claimed_delivery* claimed,
               std::uint32_t& count);
  bool let_join(std::int64_t output, tocsin_claimed_delivery* claimed, std::uint32_t& count);

  Work& work_;
  std::vector<std::int64_t> keys_;  // of what was collected
  Statement find_;
  Statement claim_;
  Statement join_;
  Statement next_due_;
  Statement owned_;
};

/// Settle.
class Settler {
 public:
  explicit Settler(Work& work) : work_(work) {}
  bool prepare();
  bool apply(tocsin_settle& op);
  /// Adds `next` behind the last delivery of the notification of the one it follows, whose class it
  /// has; its ordinal comes back.
  bool add_successor(std::uint64_t notification, std::uint32_t follows, std::int64_t at_ns,
                     const tocsin_new_delivery& next, std::uint32_t& ordinal);

 private:
  bool count(const tocsin_settle& op);
  bool free_line(tocsin_settle& op);

  Work& work_;
  Statement settle_;
  Statement settle_cancelled_;
  Statement output_of_;
  Statement key_of_;
  Statement add_successor_;
};

/// Amend: what a provider says of a delivery that nobody holds.
class Amender {
 public:
  Amender(Work& work, Settler& settler) : work_(work), settler_(settler) {}
  bool prepare();
  bool apply(tocsin_amend& op);

 private:
  bool move_on(tocsin_amend& op, std::int64_t output, bool discarded);
  bool add_successor(tocsin_amend& op);

  Work& work_;
  Settler& settler_;
  Statement find_;
  Statement move_;
  Statement tell_;
};

/// Supersede and reschedule: what a sender thinks better of.
class Rethinker {
 public:
  explicit Rethinker(Work& work) : work_(work) {}
  bool prepare();
  bool apply(tocsin_supersede& op);
  bool apply(tocsin_reschedule& op);

 private:
  bool find_ready(tocsin_reschedule& op);

  Work& work_;
  std::vector<std::pair<std::int64_t, std::int64_t>> left_lines_;  // output and key
  Statement is_stored_;
  Statement earlier_;
  Statement cancel_ready_;
  Statement request_cancel_;
  Statement notification_;
  Statement deliveries_of_;
  Statement reschedule_;
};

/// Redrive due: dead letters that the clock sends again, or the end of what stopped them.
class Reviver {
 public:
  explicit Reviver(Work& work) : work_(work) {}
  bool prepare();
  bool apply(tocsin_redrive_due& op);

 private:
  Work& work_;
  Statement due_;
  Statement waiting_;  // of one output
  Statement redrive_;
  Statement next_due_;
};

/// Cancel and review: what people ask for. Blame: what a crash left to say.
class Reviewer {
 public:
  explicit Reviewer(Work& work) : work_(work) {}
  bool prepare();
  bool apply(tocsin_cancel& op);
  bool apply(tocsin_review& op);
  bool apply(tocsin_blame& op);

 private:
  Work& work_;
  Statement caller_of_;
  Statement deliveries_of_;
  Statement cancel_ready_;
  Statement request_cancel_;
  Statement dead_letter_;
  Statement redrive_;
  Statement review_;
  Statement blame_;
};

/// Record: what the gateway keeps beside the outbox.
class Recorder {
 public:
  explicit Recorder(Work& work) : work_(work) {}
  bool prepare();
  bool apply(tocsin_record_change& op);
  /// Deletes up to `rows_max` records past their time, and counts them.
  bool purge(std::int64_t now_ns, std::uint32_t rows_max, std::uint32_t& deleted, bool& more);

 private:
  Work& work_;
  Statement version_of_;
  Statement put_;
  Statement remove_;
  Statement purge_;
};

/// Move: one output's deliveries to another.
class Mover {
 public:
  explicit Mover(Work& work) : work_(work) {}
  bool prepare();
  bool apply(tocsin_move& op);

 private:
  Work& work_;
  Statement ready_;
  Statement dead_;
  Statement move_;
};

/// Renew and purge: what the host does by the clock.
class Keeper {
 public:
  /// Notifications one purge looks at.
  static constexpr std::uint32_t kLooksMax = 2000;
  /// Free pages a purge returns to the file system, and how many stay as a reserve.
  static constexpr std::int64_t kVacuumPages = 64;
  static constexpr std::int64_t kFreePagesKept = 4096;

  Keeper(Work& work, KeyIndex& keys, Recorder& records)
      : work_(work), keys_(keys), records_(records) {}
  bool prepare();
  bool apply(tocsin_renew& op);
  bool apply(tocsin_purge& op);
  void rollback() { cursor_ = 0; }

 private:
  bool measure(tocsin_purge& op);
  bool purge_history(tocsin_purge& op);
  bool delete_notification(std::int64_t id, tocsin_purge& op);
  bool vacuum();

  Work& work_;
  KeyIndex& keys_;
  Recorder& records_;
  std::int64_t cursor_ = 0;  // the last notification a purge looked at
  Statement renew_;
  Statement look_;
  Statement delete_deliveries_;
  Statement delete_notification_;
  std::int64_t page_bytes_ = 0;
  Statement pages_;
  Statement free_pages_;
  Statement vacuum_;
};

}  // namespace tocsin::sqlite
