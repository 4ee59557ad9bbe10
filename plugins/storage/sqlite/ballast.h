#pragma once

#include <cstdint>
#include <string>

namespace tocsin::sqlite {

/// A file that does nothing but take room, `<path>.ballast`: dropped when the disk is full, so that
/// what was accepted can still be settled, and taken again when there is room. The storage's loop.
class Ballast {
 public:
  /// How long nobody looks for room after it was dropped, in nanoseconds: less than a host waits
  /// between two tries, so that none of them is in vain.
  static constexpr std::int64_t kLookAgainNs = 4'000'000'000;
  /// Room must be there for so many times its size before it is taken.
  static constexpr std::uint64_t kRoomFactor = 2;

  Ballast(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  /// Whether it is in place; with 0 bytes always.
  bool in_place() const { return in_place_ || bytes_ == 0; }
  /// Takes the room when there is enough. Returns in_place().
  bool take();
  /// The same, but looks only when kLookAgainNs have passed since it was dropped.
  bool take_again(std::int64_t now_ns);
  /// Another gateway on the same file may have taken or dropped it.
  void look();
  /// Gives the room to others. False when there was none to give.
  bool drop(std::int64_t now_ns);

 private:
  bool stands() const;

  const std::string path_;
  const std::uint64_t bytes_;
  bool in_place_ = false;
  std::int64_t dropped_at_ns_ = 0;
};

}  // namespace tocsin::sqlite
