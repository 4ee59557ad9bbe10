#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <vector>

#include "gateway/base/value.h"
#include "gateway/delivery/outbox_front.h"
#include "gateway/delivery/overload_guard.h"
#include "gateway/event/loop.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// What `gateway.overload` allows.
delivery::OverloadLimits overload_limits(const Value& root);

/// Measures four times a second what an OverloadGuard judges by, says in the log when it begins and
/// ends to refuse, and shows how far loops lag. Of the control thread; the guard is anybody's.
class OverloadWatch {
 public:
  static constexpr Duration kLookEvery = std::chrono::milliseconds(250);

  /// All outlive this object.
  OverloadWatch(event::Loop& control, delivery::OverloadGuard& guard, telemetry::Metrics& metrics,
                telemetry::Log& log);

  /// Before start(); the loop outlives this object.
  void watch(event::Loop& loop);
  /// Whose backlog counts; null: there is no store.
  void watch(const delivery::OutboxFront* front) { front_ = front; }
  void start() { timer_.arm_after(kLookEvery); }
  /// One look; what the timer does.
  void look();

 private:
  struct Lag {
    Lag(event::Loop& watched, telemetry::Metrics& metrics);
    Duration take();

    event::Loop& loop;
    std::atomic<std::int64_t> unscraped_ns{0};  // the longest since the last scrape
    telemetry::MetricCallback metric;           // of whichever thread scrapes
  };
  void tell(delivery::Overload reason, bool refuses);

  delivery::OverloadGuard& guard_;
  telemetry::Metrics& metrics_;
  telemetry::Log& log_;
  const delivery::OutboxFront* front_ = nullptr;
  std::deque<Lag> lags_;  // addresses stay
  std::vector<bool> told_;
  event::Timer timer_;
};

}  // namespace tocsin::app
