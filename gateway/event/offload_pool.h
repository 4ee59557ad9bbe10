#pragma once

#include <cstddef>
#include <memory>

#include "gateway/base/function.h"
#include "gateway/event/loop.h"

namespace tocsin::event {

/// Threads for blocking work, so that no serving loop ever blocks. Bounded: when `queue_max` jobs
/// wait, submit answers false and the caller decides. Thread-safe.
class OffloadPool {
 public:
  OffloadPool(std::size_t threads, std::size_t queue_max);
  /// Finishes running jobs, drops waiting ones, joins.
  ~OffloadPool();
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;

  /// Runs `work` on a pool thread, then posts `done` to `loop`. A loop that has closed meanwhile
  /// destroys `done` unrun.
  bool submit(Loop& loop, Function<void()> work, Function<void()> done);

  std::size_t waiting() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::event
