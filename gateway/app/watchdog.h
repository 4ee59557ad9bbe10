#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "gateway/admin/loops_view.h"
#include "gateway/base/clock.h"
#include "gateway/event/loop.h"
#include "gateway/plugin/crash_map.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// Looks from a thread of its own whether loops still move. One that does not is shown in health
/// and logged with its stack and the plugin it is inside; in the end the process aborts, so that
/// whoever restarts it does, and the next one finds the plugin in the crash map. Loops that may
/// block are not watched.
class Watchdog final : public admin::LoopsView {
 public:
  static constexpr Duration kStuckAfter = std::chrono::seconds(2);
  static constexpr Duration kLookEvery = std::chrono::milliseconds(250);

  /// All outlive this object.
  Watchdog(plugin::CrashMap& crash_map, telemetry::Log& log, telemetry::Metrics& metrics,
           const Clock& clock = SystemClock::instance());
  /// Stops the thread.
  ~Watchdog() override;

  /// Before start(). The loop outlives the watchdog's stop.
  void watch(const event::Loop& loop);
  void start();
  void stop();
  /// How long a loop may stand still before the process aborts; nothing: for ever, as always under
  /// sanitizers. Any thread.
  void set_abort_after(std::optional<Duration> limit);

  std::vector<admin::StuckLoop> stuck() const override;
  /// Loops found stuck so far. Any thread.
  std::uint64_t found() const { return found_.load(std::memory_order_relaxed); }
  /// One round at that time; what the thread does every kLookEvery. Without start(), of one thread.
  void look(MonoTime now);

 private:
  struct Watched {
    const event::Loop* loop;
    std::optional<MonoTime> stuck_since;  // of the tick that was reported
    admin::StuckLoop shown;
  };
  void work();
  void look_at(Watched& watched, MonoTime now);
  void report(Watched& watched, MonoTime since, Duration busy);
  void abort_if_due(const Watched& watched, Duration busy);

  static constexpr std::int64_t kNever = 0;

  plugin::CrashMap& crash_map_;
  telemetry::Log& log_;
  const Clock& clock_;
  std::atomic<std::uint64_t> found_{0};
  telemetry::MetricCallback found_metric_;
  telemetry::MetricCallback stuck_metric_;

  std::vector<Watched> watched_;  // of whoever looks
  MonoTime counted_from_{};       // of whoever looks: what was before is held against nobody
  std::atomic<std::int64_t> abort_after_ns_{kNever};
  mutable std::mutex mutex_;
  std::vector<admin::StuckLoop> stuck_;  // guarded by mutex_
  std::condition_variable stopping_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace tocsin::app
