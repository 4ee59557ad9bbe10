#pragma once

#include <chrono>
#include <string>

namespace tocsin::sqlite {

/// Whose turn it is to write, among gateways that share the file. SQLite's own lock keeps them
/// apart, but who waits for it sleeps longer and longer while a busy writer takes it again and
/// again; with turns two writers alternate. The storage's loop.
class Turn {
 public:
  Turn() = default;
  ~Turn() { close(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// Waits for the turn at most `patience`; holding it already is fine. The lock file must exist.
  /// Returns 0, EAGAIN when it waited in vain, or the system's errno.
  int take(const std::string& lock_path, std::chrono::nanoseconds patience);
  /// Gives it to who waits longest; without it, nothing.
  void give();
  bool held() const { return held_; }
  /// Also gives it.
  void close();

 private:
  int file_ = -1;
  bool held_ = false;
};

}  // namespace tocsin::sqlite
