#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"

namespace tocsin::plugin {

/// A forked child that runs foreign code for a trial and tells its parent on a pipe how it went, so
/// that what dies or hangs does it there. The child has none of its parent's other threads, and
/// what they held stays locked: in a process that has some, `work` may use memory and the loader,
/// which the C library keeps usable, and nothing else that is shared. Blocks.
class TrialChild {
 public:
  /// `work` runs in the child, which ends when it returns; it writes to the descriptor with tell().
  static Result<TrialChild> start(Function<void(int fd)> work);
  static void tell(int fd, const void* bytes, std::size_t count);

  TrialChild(TrialChild&& other) noexcept;
  TrialChild& operator=(TrialChild&&) = delete;
  /// Kills a child that was not asked for its end.
  ~TrialChild();

  /// Reads exactly `count` bytes. False: the child ended or closed the pipe before it told them, or
  /// it is `until` already.
  bool hear(void* bytes, std::size_t count, MonoTime until);
  /// Ends a child that told too little. How it ended, in words: "it died with SIGSEGV".
  std::string end();

 private:
  TrialChild(pid_t child, int fd) : child_(child), fd_(fd) {}

  pid_t child_;
  int fd_;
};

}  // namespace tocsin::plugin
