#include "gateway/app/loop_group.h"

#include <memory>
#include <utility>

namespace tocsin::app {

namespace {

// Only the control loop touches it.
struct Gathering {
  std::size_t left = 0;
  Result<void> came_to;
  Function<void(Result<void>)> then;
};

}  // namespace

void LoopGroup::each(const Task& task, Function<void(Result<void>)> then) {
  auto gathering = std::make_shared<Gathering>();
  gathering->left = loops_.size();
  gathering->then = std::move(then);
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    LoopEstate& loop = *loops_[i];
    loop.loop().post([this, i, &loop, task, gathering] {
      task(i, loop, [this, gathering](Result<void> came_to) {
        control_.post([gathering, came_to = std::move(came_to)]() mutable {
          if (gathering->came_to && !came_to) gathering->came_to = std::move(came_to);
          if (--gathering->left > 0) return;
          // What it holds must end on this loop, whoever lets go of the gathering last.
          Function<void(Result<void>)> told = std::move(gathering->then);
          told(std::move(gathering->came_to));
        });
      });
    });
  }
}

void LoopGroup::each_at_once(std::function<Result<void>(std::size_t, LoopEstate&)> task,
                             Function<void(Result<void>)> then) {
  each([task = std::move(task)](std::size_t index, LoopEstate& loop,
                                Answer answer) { answer(task(index, loop)); },
       std::move(then));
}

}  // namespace tocsin::app
