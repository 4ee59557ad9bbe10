#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "tocsin/sdk/host.hpp"

namespace tocsin::sdk {

/// One alarm of the loop. Stays where it was made; its end cancels it.
class Timer {
 public:
  /// The callback may destroy the timer.
  Timer(Host host, std::function<void()> callback)
      : host_(host), callback_(std::make_shared<std::function<void()>>(std::move(callback))) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Calls back once after `delay`, unless it is cancelled or started anew before. False: the host
  /// has no room for more timers.
  bool start(Duration delay) {
    cancel();
    const auto fire = [](void* user) {
      auto* timer = static_cast<Timer*>(user);
      timer->token_ = 0;
      const Host host = timer->host_;
      const auto callback = timer->callback_;
      host.run("a timer", *callback);
    };
    token_ = host_.c_host().timer(host_.c_worker(), delay.count(), fire, this);
    return token_ != 0;
  }
  void cancel() {
    if (token_ != 0) host_.c_host().timer_cancel(host_.c_worker(), std::exchange(token_, 0));
  }
  bool running() const { return token_ != 0; }

 private:
  Host host_;
  std::shared_ptr<std::function<void()>> callback_;
  tocsin_token token_ = 0;
};

}  // namespace tocsin::sdk
