#include "gateway/app/overload_watch.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "gateway/app/build_listener.h"

namespace tocsin::app {

namespace {

using delivery::Overload;

// statm's second number: resident pages. No reading of it fails on a system with /proc; without one
// memory is no reason to refuse.
std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long long size = 0;
  unsigned long long resident = 0;
  const int found = std::fscanf(file, "%llu %llu", &size, &resident);
  std::fclose(file);
  return found == 2 ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace

delivery::OverloadLimits overload_limits(const Value& root) {
  const Value& limits = root.at("gateway").at("overload");
  const Value& lag = limits.at("loop_lag_max");
  const Value& memory = limits.at("memory_max");
  return {.ingests_max = limit_or_zero(limits, "ingests_max"),
          .loop_lag_max = lag.is<Duration>() ? lag.as<Duration>() : Duration::zero(),
          .memory_max = memory.is<Value::Size>() ? memory.as<Value::Size>().bytes : 0,
          .backlog_max = limit_or_zero(limits, "backlog_max")};
}

OverloadWatch::Lag::Lag(event::Loop& watched, telemetry::Metrics& metrics)
    : loop(watched),
      metric(metrics.callback(
          telemetry::MetricType::kGauge, "tocsin_loop_lag_seconds",
          "The longest time since the last scrape that a loop kept events "
          "waiting.",
          {{"loop", watched.name()}}, [this] {
            const Duration newest = take();
            const Duration before(unscraped_ns.exchange(0, std::memory_order_relaxed));
            return std::chrono::duration<double>(std::max(newest, before)).count();
          })) {}

// Whoever takes a lag keeps it for the next scrape.
Duration OverloadWatch::Lag::take() {
  const Duration lag = loop.take_max_lag();
  const std::int64_t kept = unscraped_ns.load(std::memory_order_relaxed);
  unscraped_ns.store(std::max<std::int64_t>(kept, lag.count()), std::memory_order_relaxed);
  return lag;
}

OverloadWatch::OverloadWatch(event::Loop& control, delivery::OverloadGuard& guard,
                             telemetry::Metrics& metrics, telemetry::Log& log)
    : guard_(guard),
      metrics_(metrics),
      log_(log),
      told_(delivery::kOverloads, false),
      timer_(control.timers(), [this] {
        look();
        timer_.arm_after(kLookEvery);
      }) {}

void OverloadWatch::watch(event::Loop& loop) { lags_.emplace_back(loop, metrics_); }

void OverloadWatch::look() {
  delivery::OverloadSample sample;
  for (Lag& lag : lags_) sample.loop_lag = std::max(sample.loop_lag, lag.take());
  sample.memory_bytes = resident_bytes();
  if (front_ != nullptr) sample.backlog = front_->backlog();
  guard_.observe(sample);
  for (const Overload reason : {Overload::kLoopLag, Overload::kMemory, Overload::kBacklog}) {
    tell(reason, guard_.refuses(reason));
  }
}

void OverloadWatch::tell(Overload reason, bool refuses) {
  const auto at = static_cast<std::size_t>(reason);
  if (told_[at] == refuses) return;
  told_[at] = refuses;
  if (refuses) {
    TOCSIN_LOG(log_, kWarning, "overload", "new notifications are refused",
               {"reason", delivery::overload_name(reason)});
  } else {
    TOCSIN_LOG(log_, kInfo, "overload", "new notifications are taken again",
               {"reason", delivery::overload_name(reason)});
  }
}

}  // namespace tocsin::app
