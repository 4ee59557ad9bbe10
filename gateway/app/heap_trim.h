#pragma once

#include <cstddef>

#include "gateway/event/loop.h"

namespace tocsin::app {

/// The process's memory in bytes.
struct HeapUse {
  std::size_t used = 0;    ///< allocated and not freed
  std::size_t unused = 0;  ///< resident beyond that
};

/// Decides when unused memory goes back to the system: when it is much, more than what is used and
/// than twice what the last trim could not give back; and for two looks in a row, so that a burst
/// that is still going on finds it again.
class HeapTrimRule {
 public:
  /// Less is not worth the while.
  static constexpr std::size_t kWorthwhileBytes = 16 * 1024 * 1024;

  /// Called once per look.
  bool due(const HeapUse& now) {
    const bool much = now.unused >= kWorthwhileBytes && now.unused > now.used &&
                      now.unused > 2 * unused_after_trim_;
    const bool settled = much && much_before_;
    much_before_ = much && !settled;
    return settled;
  }
  void trimmed(const HeapUse& after) { unused_after_trim_ = after.unused; }

 private:
  std::size_t unused_after_trim_ = 0;
  bool much_before_ = false;
};

/// Gives back what a burst of clients left. glibc keeps freed memory of its threads' arenas for
/// good once anything above it is in use; ten thousand requests at once left 190 MiB behind. Looks
/// every kLookEvery from the control thread; who allocates during a trim waits for it, some 20 ms
/// for 100 MiB, which is why it follows quiet.
class HeapTrim {
 public:
  static constexpr Duration kLookEvery = std::chrono::seconds(5);

  explicit HeapTrim(event::Loop& control);

 private:
  void look();

  HeapTrimRule rule_;
  event::Timer timer_;
};

}  // namespace tocsin::app
