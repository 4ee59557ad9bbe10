#include "gateway/app/loop_group.h"

#include <algorithm>
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

// Only the control loop touches what is in it.
struct LoopGroup::Limited {
  MonoTime until{};
  std::vector<std::size_t> silent;
  Function<void(const std::vector<std::size_t>&)> then;  // empty: it was called
};

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

void LoopGroup::each_within(Duration limit, std::function<void(std::size_t, LoopEstate&)> task,
                            Function<void(const std::vector<std::size_t>&)> then) {
  auto asked = std::make_shared<Limited>();
  asked->until = control_.now() + limit;
  asked->then = std::move(then);
  for (std::size_t i = 0; i < loops_.size(); ++i) asked->silent.push_back(i);
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    LoopEstate& loop = *loops_[i];
    loop.loop().post([this, i, &loop, task, asked] {
      task(i, loop);
      control_.post([this, i, asked] {
        std::erase(asked->silent, i);
        if (asked->silent.empty()) look_at_limited();
      });
    });
  }
  limited_.push_back(std::move(asked));
  look_at_limited();
}

// Those that are over are told, and the timer waits for the next.
void LoopGroup::look_at_limited() {
  const MonoTime now = control_.now();
  std::vector<std::shared_ptr<Limited>> over;
  std::erase_if(limited_, [&](const std::shared_ptr<Limited>& one) {
    if (!one->silent.empty() && now < one->until) return false;
    over.push_back(one);
    return true;
  });
  if (!limited_.empty()) {
    limit_.arm_at((*std::ranges::min_element(limited_, {}, &Limited::until))->until);
  }
  for (const auto& one : over) std::exchange(one->then, nullptr)(one->silent);
}

}  // namespace tocsin::app
