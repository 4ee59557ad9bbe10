#pragma once

#include <memory>

#include "gateway/event/timer_wheel.h"
#include "gateway/plugin/token_table.h"

namespace tocsin::plugin {

class Worker;

/// A worker's timers. Loop thread.
class Timers {
 public:
  static constexpr std::size_t kTimersMax = 65536;

  explicit Timers(Worker& worker) : worker_(worker) {}

  /// 0 when there are kTimersMax.
  tocsin_token start(Duration delay, void (*fn)(void*), void* user);
  /// A token that is over is nothing.
  void cancel(tocsin_token token);

 private:
  struct Armed {
    Armed(event::TimerWheel& wheel, Timers& owner)
        : timer(wheel, [this, &owner] { owner.fire(*this); }) {}
    event::Timer timer;
    tocsin_token token = 0;
    void (*fn)(void*) = nullptr;
    void* user = nullptr;
  };
  void fire(Armed& armed);

  Worker& worker_;
  TokenTable<Armed> table_{1, kTimersMax};
};

}  // namespace tocsin::plugin
