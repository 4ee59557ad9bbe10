#include "gateway/plugin/timers.h"

#include "gateway/plugin/worker.h"

namespace tocsin::plugin {

tocsin_token Timers::start(Duration delay, void (*fn)(void*), void* user) {
  tocsin_token token = 0;
  Armed* armed =
      table_.add(token, [this] { return std::make_unique<Armed>(worker_.loop().timers(), *this); });
  if (armed == nullptr) return 0;
  armed->token = token;
  armed->fn = fn;
  armed->user = user;
  armed->timer.arm_after(delay < Duration::zero() ? Duration::zero() : delay);
  return token;
}

void Timers::cancel(tocsin_token token) {
  std::unique_ptr<Armed> armed = table_.take(token);
  if (armed == nullptr) return;
  armed->timer.cancel();
  table_.give_back(std::move(armed));
}

void Timers::fire(Armed& armed) {
  const auto fn = armed.fn;
  void* user = armed.user;
  table_.give_back(table_.take(armed.token));
  const Worker::Inside inside(worker_, "timer");
  fn(user);
}

}  // namespace tocsin::plugin
