#include "gateway/app/drain.h"

#include <algorithm>
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/delivery/outbox_front.h"

namespace tocsin::app {

namespace {

constexpr Duration kStoreTry = delivery::OutboxFront::kRetryEvery + std::chrono::seconds(1);

}  // namespace

Drain::Drain(event::Loop& control, telemetry::Log& log, Drainable& what, Function<void()> over)
    : control_(control),
      log_(log),
      what_(what),
      over_(std::move(over)),
      look_(control.timers(), [this] { look(); }) {}

void Drain::begin(Duration grace, Duration idle_patience) {
  TOCSIN_ASSERT(!begun_, "a drain began twice");
  begun_ = true;
  until_ = control_.now() + grace;
  idle_until_ = control_.now() + std::min(idle_patience, grace / 2);
  what_.retire(grace, [this] { lanes_drained_ = true; });
  look();
}

void Drain::look() {
  const MonoTime now = control_.now();
  if (now >= idle_until_ && !std::exchange(servers_drained_, true)) what_.drain_servers();
  const std::size_t left = what_.connections();
  const bool vain = in_vain();
  const bool wait_for_clients = left > 0 && now < until_;
  const bool wait_for_lanes = !lanes_drained_ && now < until_ + kSettleGrace && !vain;
  if (wait_for_clients || wait_for_lanes) return look_.arm_after(kLook);
  complete_ = left == 0 && lanes_drained_;
  if (left > 0) {
    TOCSIN_LOG(log_, kWarning, "app", "the grace is over: connections are cut",
               {"connections", left});
  }
  finish(vain);
}

// A store that is down takes no verdict. It is granted one more try; then there is nothing left to
// wait for but attempts under way, which the end of the grace cuts.
bool Drain::in_vain() {
  if (lanes_drained_ || what_.store_up()) {
    store_down_since_.reset();
    return false;
  }
  const MonoTime now = control_.now();
  if (!store_down_since_) store_down_since_ = now;
  if (now >= until_) return true;
  if (!attempts_over_) look_at_attempts();
  return attempts_over_ && now - *store_down_since_ > kStoreTry;
}

// None begins any more, so that none is under way for good.
void Drain::look_at_attempts() {
  if (std::exchange(looking_at_attempts_, true)) return;
  what_.count_attempts([this](std::size_t under_way) {
    looking_at_attempts_ = false;
    attempts_over_ = under_way == 0;
  });
}

// Requests still wait for their commit while connections drain, so the store goes last.
void Drain::finish(bool in_vain) {
  if (!lanes_drained_) {
    TOCSIN_LOG(log_, kWarning, "app",
               in_vain ? "the store is down, so nothing can be settled: the next start takes the "
                         "deliveries over"
                       : "deliveries could not be given back to the store: the next start takes "
                         "them over");
    return over_();
  }
  what_.stop_store([this] {
    store_stopped_ = true;
    over_();
  });
}

}  // namespace tocsin::app
