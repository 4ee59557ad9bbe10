#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/app/loop_estate.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"

namespace tocsin::app {

/// Every loop's share of the estate, as the control thread speaks to them: it asks all of them, and
/// goes on once the last has answered.
class LoopGroup {
 public:
  /// What one loop came to; once, on that loop.
  using Answer = Function<void(Result<void>)>;
  /// On each loop's thread, where it may also end: it owns nothing of the control thread's.
  using Task = std::function<void(std::size_t index, LoopEstate& loop, Answer answer)>;

  explicit LoopGroup(event::Loop& control)
      : control_(control), limit_(control.timers(), [this] { look_at_limited(); }) {}

  /// While no loop runs. It outlives this object.
  void add(LoopEstate& loop) { loops_.push_back(&loop); }
  std::size_t size() const { return loops_.size(); }
  event::Loop& loop(std::size_t index) const { return loops_[index]->loop(); }

  /// Runs the task on every loop, then `then` on the control loop with the first error, if any. A
  /// loop that ended meanwhile never answers, and then `then` is never called.
  void each(const Task& task, Function<void(Result<void>)> then);
  /// The same with a task that is over when it returns.
  void each_at_once(std::function<Result<void>(std::size_t index, LoopEstate& loop)> task,
                    Function<void(Result<void>)> then);
  /// The same for questions, which must not wait for a loop that stands still: after `limit` goes
  /// on without it. `then` hears which loops have not answered; what their tasks write, they may
  /// write at any later time.
  void each_within(Duration limit, std::function<void(std::size_t index, LoopEstate& loop)> task,
                   Function<void(const std::vector<std::size_t>& silent)> then);

 private:
  struct Limited;
  void look_at_limited();

  event::Loop& control_;
  std::vector<LoopEstate*> loops_;
  std::vector<std::shared_ptr<Limited>> limited_;  // not over
  event::Timer limit_;
};

}  // namespace tocsin::app
