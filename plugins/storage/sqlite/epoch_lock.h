#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tocsin::sqlite {

/// Shows others on this machine which epochs live: byte N of `<path>.lock` is locked as long as
/// epoch N does, and byte 0 while somebody opens the store. The system takes a lock away the moment
/// its holder dies, so that a dead epoch is known as such at once. Open file description locks: two
/// stores in one process exclude each other like two processes.
class EpochLock {
 public:
  EpochLock() = default;
  ~EpochLock();
  EpochLock(const EpochLock&) = delete;
  EpochLock& operator=(const EpochLock&) = delete;

  /// Opens the lock file and locks byte 0, waiting for another opener up to `patience`. Returns 0,
  /// EAGAIN when it waited in vain, or the system's errno.
  int enter(const std::string& path, std::chrono::nanoseconds patience);
  /// Unlocks byte 0.
  void leave();

  bool lives(std::int64_t epoch) const;
  /// Whether any epoch but ours lives.
  bool anybody_lives() const;
  /// Locks the byte of our epoch; the byte held before is unlocked. 0 or errno.
  int hold(std::int64_t epoch);
  std::int64_t held() const { return held_; }
  /// Unlocks everything and closes the file.
  void release();

 private:
  int file_ = -1;
  std::int64_t held_ = 0;
};

}  // namespace tocsin::sqlite
