#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

// A disk for SQLite whose power can be cut and which can fail, as a VFS in front of the real one.
//
// Until the power goes every write reaches the real file, so that locks, shared memory and other
// processes work as ever. What a file would hold if the power went now is kept beside it: the bytes
// as of its last successful sync, and the writes since. Creating, deleting and renaming are durable
// at once. A sync that fails loses the writes before it for good, as the page cache of Linux does:
// a later sync succeeds without them.

namespace tocsin::conformance {

class PowerCutDisk {
 public:
  enum class Fault {
    kNone,
    kFull,        ///< writes: no room
    kWriteError,  ///< writes
    kSyncError,   ///< syncs
    kReadOnly,    ///< writes
  };

  /// The disk of this process; the first call makes it SQLite's default.
  static PowerCutDisk& install();

  /// Nothing is pending and nothing fails; writes that wait for a sync count as durable.
  void reset();
  /// Cuts the power at the n-th write, truncation or sync from now, which is begun but not
  /// completed; `seed` decides what survives.
  void cut_at(std::uint64_t operation, std::uint64_t seed);
  /// Cuts it now.
  void cut();
  bool is_cut();
  /// What the machine finds when it comes up again: of the writes that were not synced some are
  /// there, some are not, some in sectors of 512 bytes. All files must be closed.
  void restore();

  void fail(Fault fault);
  /// The disk is full as long as this file exists.
  void full_while_exists(std::string path);
  /// From now on a fault lasts as long as a file of its name is in `folder`: full, write_error,
  /// sync_error, read_only. What a power cut would leave is no longer kept.
  void follow(std::string folder);
  /// Writes, truncations and syncs since the last reset.
  std::uint64_t operations();

  // For the VFS's functions.
  class Door;

 private:
  PowerCutDisk() = default;

  struct Change {
    bool truncates = false;
    std::int64_t offset = 0;  // or the new size
    std::vector<char> bytes;
  };
  struct File {
    std::vector<char> durable;
    std::vector<Change> pending;
  };

  static void apply(const Change& change, std::vector<char>& bytes);
  void apply_torn(const Change& change, std::vector<char>& bytes);

  std::mutex mutex_;
  std::map<std::string, File> files_;
  std::mt19937_64 random_;
  std::uint64_t operations_ = 0;
  std::uint64_t cut_at_ = 0;  // 0: not planned
  bool cut_ = false;
  Fault fault_ = Fault::kNone;
  std::string full_while_;
  std::string followed_;
};

}  // namespace tocsin::conformance
