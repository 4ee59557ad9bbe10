#include "gateway/app/watchdog.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "gateway/app/stack_capture.h"

namespace tocsin::app {

namespace {

// Everything is slow there, and a hang is somebody looking at it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

std::string joined(const std::vector<std::string>& stack) {
  std::string text;
  for (const std::string& frame : stack) {
    if (!text.empty()) text += " < ";
    text += frame;
  }
  return text;
}

}  // namespace

Watchdog::Watchdog(plugin::CrashMap& crash_map, telemetry::Log& log, telemetry::Metrics& metrics,
                   const Clock& clock)
    : crash_map_(crash_map),
      log_(log),
      clock_(clock),
      found_metric_(metrics.callback(telemetry::MetricType::kCounter, "tocsin_loops_stuck_total",
                                     "Times a loop stood still for 2 s.", {},
                                     [this] { return static_cast<double>(found()); })),
      stuck_metric_(metrics.callback(telemetry::MetricType::kGauge, "tocsin_loops_stuck",
                                     "Loops that stand still now.", {},
                                     [this] { return static_cast<double>(stuck().size()); })) {
  StackCapture::install();
}

Watchdog::~Watchdog() { stop(); }

void Watchdog::watch(const event::Loop& loop) {
  watched_.push_back({&loop, {}, {.name = loop.name()}});
}

void Watchdog::set_abort_after(std::optional<Duration> limit) {
  const bool never = kSanitized || !limit;
  abort_after_ns_.store(never ? kNever : limit->count(), std::memory_order_relaxed);
}

void Watchdog::start() {
  thread_ = std::thread([this] { work(); });
  pthread_setname_np(thread_.native_handle(), "watchdog");
}

void Watchdog::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void Watchdog::work() {
  MonoTime looked_at = clock_.mono();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stopping_.wait_for(lock, kLookEvery, [this] { return stop_; })) return;
    }
    const MonoTime now = clock_.mono();
    // Who comes so late was stopped with the whole process, as by a container's pause, wherever
    // between two looks that met it.
    if (now - looked_at > kStuckAfter / 2) counted_from_ = now;
    looked_at = now;
    look(now);
  }
}

// Looking may take a while; only what was seen is published under the lock.
void Watchdog::look(MonoTime now) {
  std::vector<admin::StuckLoop> seen;
  for (Watched& watched : watched_) {
    look_at(watched, now);
    if (watched.stuck_since) seen.push_back(watched.shown);
  }
  const std::lock_guard lock(mutex_);
  stuck_ = std::move(seen);
}

void Watchdog::look_at(Watched& watched, MonoTime now) {
  const std::optional<MonoTime> since = watched.loop->busy_since();
  if (watched.stuck_since && since != watched.stuck_since) {
    TOCSIN_LOG(log_, kWarning, "watchdog", "the loop goes on", {"loop", watched.shown.name},
               {"stuck_ms", watched.shown.busy});
    watched.stuck_since.reset();
  }
  if (!since) return;
  const Duration busy = now - std::max(*since, counted_from_);
  if (busy < kStuckAfter) return;
  if (watched.stuck_since) {
    watched.shown.busy = busy;
  } else {
    report(watched, *since, busy);
  }
  abort_if_due(watched, busy);
}

void Watchdog::report(Watched& watched, MonoTime since, Duration busy) {
  admin::StuckLoop stuck{.name = watched.loop->name(), .busy = busy};
  if (auto inside = crash_map_.inside(watched.loop->shard())) {
    stuck.plugin = std::move(inside->plugin);
    stuck.id = std::move(inside->id);
    stuck.callback = inside->callback;
  }
  stuck.stack = StackCapture::of(watched.loop->thread_number());
  watched.stuck_since = since;
  watched.shown = std::move(stuck);
  found_.fetch_add(1, std::memory_order_relaxed);
  TOCSIN_LOG(log_, kError, "watchdog", "a loop stands still", {"loop", watched.shown.name},
             {"busy_ms", busy}, {"plugin", watched.shown.plugin}, {"id", watched.shown.id},
             {"callback", watched.shown.callback}, {"stack", joined(watched.shown.stack)});
}

void Watchdog::abort_if_due(const Watched& watched, Duration busy) {
  const Duration limit(abort_after_ns_.load(std::memory_order_relaxed));
  if (limit == Duration(kNever) || busy < limit) return;
  TOCSIN_LOG(log_, kCritical, "watchdog", "a loop stands still for too long: aborting",
             {"loop", watched.shown.name}, {"busy_ms", busy}, {"plugin", watched.shown.plugin},
             {"id", watched.shown.id});
  log_.flush(std::chrono::seconds(1));
  if (plugin::CrashMap::Slot* slot = crash_map_.slot(watched.loop->shard())) {
    slot->crashed.store(SIGABRT, std::memory_order_relaxed);
  }
  std::abort();
}

std::vector<admin::StuckLoop> Watchdog::stuck() const {
  const std::lock_guard lock(mutex_);
  return stuck_;
}

}  // namespace tocsin::app
