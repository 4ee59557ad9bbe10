#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/event/loop.h"
#include "gateway/policy/shared_table.h"
#include "gateway/stage/records.h"
#include "gateway/stage/storage.h"
#include "gateway/telemetry/log.h"

// Addresses that nothing is sent to: their provider said that they are gone, or an operator did.
// Each is a record of the store, which is what counts; so that every attempt can ask, what they say
// is in a SharedTable as well:
//
//   target_gone, admin API --> record (at once in the table) --> every kRefreshEvery, page by page
//                                                                    --> table, for kForget
//
// An entry that nobody refreshes lapses: that is how one is heard of that another gateway on the
// store lifted.

namespace tocsin::delivery {

inline constexpr std::string_view kSuppressionCollection = "suppressions";
inline constexpr std::size_t kSuppressionReasonBytesMax = 256;
/// What memory holds; beyond it those go first that end soonest.
inline constexpr std::size_t kSuppressionsMax = std::size_t{1} << 18;

struct Suppression {
  std::string address;  ///< "kind:value"
  std::string reason;
  std::string by;  ///< the output whose provider said so, or who asked for it
  WallTime since{};
  std::optional<WallTime> until;  ///< nothing: until it is lifted
};

/// A record as it was written by this or another release; nothing: it cannot be read.
std::optional<Suppression> decode_suppression(const stage::Record& record);
/// Whether the text is an address that can be suppressed, as those of notifications are.
bool is_suppressible(std::string_view address);

/// The list as one loop uses it. The table is every loop's, the rest is its own.
class Suppressions {
 public:
  static constexpr Duration kRefreshEvery = std::chrono::minutes(1);
  static constexpr Duration kForget = 5 * kRefreshEvery;

  /// Everything outlives this object. `table` holds nothing else.
  Suppressions(policy::SharedTable& table, stage::Records& records, event::Loop& loop,
               telemetry::Log& log)
      : table_(table), records_(records), loop_(loop), log_(log) {}
  Suppressions(const Suppressions&) = delete;
  Suppressions& operator=(const Suppressions&) = delete;

  /// Settings of the table.
  static policy::TableOptions table_options();
  /// Reads all there is; before any loop runs. Errors are the storage's.
  static Result<void> load(policy::SharedTable& table, stage::Storage& storage, const Clock& clock);

  /// Why nothing may be sent to the address; nothing: it may.
  std::optional<std::string> find(std::string_view address) const;

  using Done = Function<void(const Result<stage::RecordOutcome>&)>;
  /// From now on, for `keep`, or until it is lifted when that is zero. `done`: the store has it; it
  /// may be none.
  void suppress(const Suppression& one, Duration keep, Done done);
  /// The outcome's `changed`: it was suppressed.
  void lift(std::string_view address, Done done);

  /// Reads all again and again from now on; one loop's part.
  void keep_fresh();
  void stop() { refresh_timer_.reset(); }

 private:
  static void remember(policy::SharedTable& table, const stage::Record& record, MonoTime now,
                       WallTime wall);
  void refresh(std::string after);

  policy::SharedTable& table_;
  stage::Records& records_;
  event::Loop& loop_;
  telemetry::Log& log_;
  std::optional<event::Timer> refresh_timer_;
};

}  // namespace tocsin::delivery
