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
  /// At least one thread; `queue_max` counts jobs that no thread has begun.
  OffloadPool(std::size_t threads, std::size_t queue_max);
  /// Finishes running jobs, drops waiting ones (destroyed here, unrun), joins.
  ~OffloadPool();
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;

  /// Runs `work` on a pool thread, then posts `done` to `loop`. `work` is destroyed on the pool
  /// thread before `done` is posted, so what both hold is the loop's alone again in `done`. A loop
  /// that has closed meanwhile destroys `done` unrun; the loop object must outlive the pool. False:
  /// too many jobs wait, and both callables are destroyed. Neither may throw.
  [[nodiscard]] bool submit(Loop& loop, Function<void()> work, Function<void()> done);

  /// Jobs that no thread has begun.
  std::size_t waiting() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::event
