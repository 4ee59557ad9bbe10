#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "database.h"
#include "epoch_lock.h"

namespace tocsin::sqlite {

/// The other epochs of the file: who they are, whether one of them has committed since we last
/// looked, and what the dead among them left. Everything is asked inside a write transaction, so
/// that nobody comes or goes meanwhile. The storage's loop.
class Company {
 public:
  explicit Company(const EpochLock& lock) : lock_(lock) {}

  /// At the beginning of `own`, or 0 for one that has no number yet: who is there, in `living` one
  /// of those that live, in `mark` the highest mark the dead left. Forgets the dead.
  bool meet(Database& database, std::int64_t own, std::int64_t& living, std::int64_t& mark);
  /// Last of what is read at opening; `goes_on`: the epoch was there before.
  bool prepare(Database& database, std::int64_t own, bool goes_on);

  /// Nobody else has an epoch, be it a dead one's.
  bool alone() const { return others_.empty(); }
  /// How many others there are, those included that died or went and were not taken over yet.
  std::size_t others() const { return others_.size() + (somebody_went_ && !took_over_ ? 1 : 0); }

  /// Whether memory is older than the file; then the epochs are read again. What else is kept in
  /// memory is the caller's, who says caught_up() when that is done.
  bool look(bool& foreign);
  void caught_up() { seen_version_ = version_; }

  /// Whether others have committed since the last call that was committed.
  bool take_news();
  /// Makes ready what dead epochs, and those that went, had claimed.
  bool take_over(Database& database, std::int64_t now_ns, std::uint64_t& taken_over);

  void commit();
  void rollback();

 private:
  bool read_others();

  const EpochLock& lock_;
  std::int64_t own_ = 0;
  std::vector<std::int64_t> others_;
  std::int64_t newest_ = 0;     // epoch that ever began, as far as we know
  bool somebody_went_ = false;  // and may have left claims
  bool news_ = false;
  std::int64_t version_ = 0;
  std::int64_t seen_version_ = 0;

  // By the batch under way.
  bool took_over_ = false;
  bool told_news_ = false;

  Statement data_version_;
  Statement read_;
  Statement newest_ever_;
  Statement forget_;
};

/// What nobody living owns: claimed is ready again, sending may have been sent. A cancel that was
/// asked for is granted.
bool take_over_orphans(Database& database, std::int64_t now_ns, std::uint64_t& taken_over);

}  // namespace tocsin::sqlite
