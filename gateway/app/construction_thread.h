#pragma once

#include <memory>
#include <thread>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/event/loop.h"

namespace tocsin::app {

/// The thread on which configurations are read and plugins are loaded, validated, made,
/// reconfigured and destroyed, one call at a time: what plugin headers call the control thread. It
/// runs no loop, so a plugin that takes its time there holds up the next reload and nobody else.
/// Made, told and destroyed by the thread of the control loop.
class ConstructionThread {
 public:
  /// `control` outlives it.
  explicit ConstructionThread(event::Loop& control);
  /// Finishes what it was given, for as long as that takes; a `done` that was not called yet never
  /// is, and ends here.
  ~ConstructionThread();
  ConstructionThread(const ConstructionThread&) = delete;
  ConstructionThread& operator=(const ConstructionThread&) = delete;

  /// Runs `work` there, in order, then `done` on the control loop. `work` ends before `done` runs.
  void run(Function<void()> work, Function<void()> done);
  /// Runs it there and waits.
  void run_and_wait(Function<void()> work);
  /// Waits until nothing is left to do there; false when `limit` passed first.
  bool rests_within(Duration limit);

  /// The same object, which ends on this thread whoever lets go of it last.
  template <typename T>
  std::shared_ptr<T> keep(std::shared_ptr<T> object) {
    T* const what = object.get();
    return std::shared_ptr<T>(what, [queue = queue_, held = std::move(object)](T*) mutable {
      end_later(*queue, std::move(held));
    });
  }

 private:
  struct Queue;  // shared with what is kept, which may end after this object
  static void end_later(Queue& queue, std::shared_ptr<const void> object);
  static void finish_done(const std::weak_ptr<Queue>& queue);
  void work();

  event::Loop& control_;
  const std::shared_ptr<Queue> queue_;
  std::thread thread_;
};

}  // namespace tocsin::app
