#include "gateway/delivery/overload_guard.h"

#include <algorithm>

#include "gateway/base/assert.h"

namespace tocsin::delivery {

namespace {

using message::DeliveryClass;

constexpr std::array<Overload, kOverloads> kAll = {Overload::kIngests, Overload::kLoopLag,
                                                   Overload::kMemory, Overload::kBacklog};

// Critical notifications may still come while this much more is on the gateway's hands.
constexpr std::uint64_t critical_limit(std::uint64_t limit) { return limit + limit / 4; }
// Where what was refused is let in again, so that nothing flaps.
constexpr std::uint64_t release_below(std::uint64_t limit) { return limit - limit / 5; }

}  // namespace

std::string_view overload_name(Overload reason) {
  switch (reason) {
    case Overload::kIngests:
      return "ingests";
    case Overload::kLoopLag:
      return "loop_lag";
    case Overload::kMemory:
      return "memory";
    case Overload::kBacklog:
      return "backlog";
  }
  TOCSIN_ASSERT(false, "an overload of no kind");
}

std::string_view overload_sentence(Overload reason) {
  switch (reason) {
    case Overload::kIngests:
      return "Too many requests wait to be stored (gateway.overload.ingests_max).";
    case Overload::kLoopLag:
      return "The gateway's event loops lag behind (gateway.overload.loop_lag_max).";
    case Overload::kMemory:
      return "The gateway uses too much memory (gateway.overload.memory_max).";
    case Overload::kBacklog:
      return "Too many deliveries wait in the store (gateway.overload.backlog_max).";
  }
  TOCSIN_ASSERT(false, "an overload of no kind");
}

OverloadGuard::OverloadGuard(telemetry::Metrics& metrics)
    : ingests_max_(OverloadLimits().ingests_max),
      ingests_metric_(metrics.callback(
          telemetry::MetricType::kGauge, "tocsin_ingests_in_flight",
          "Requests of inputs that wait for what their notifications come to.", {},
          [this] { return static_cast<double>(ingests_.load(std::memory_order_relaxed)); })) {
  auto& refusing =
      metrics.gauges("tocsin_overload",
                     "1 while new notifications below critical are refused for it.", {"reason"});
  auto& refused =
      metrics.counters("tocsin_overload_refused_total",
                       "Notifications refused because of an overload.", {"reason", "class"});
  for (const Overload reason : kAll) {
    const auto at = static_cast<std::size_t>(reason);
    const std::string_view name = overload_name(reason);
    // Ingests are counted in and out: whether there are too many is asked at each one.
    if (reason != Overload::kIngests) refusing_metrics_[at] = &refusing.with({name});
    refused_metrics_[at] = {&refused.with({name, "critical"}), &refused.with({name, "normal"})};
  }
}

void OverloadGuard::set_limits(const OverloadLimits& limits) {
  const std::scoped_lock lock(mutex_);
  limits_ = limits;
  ingests_max_.store(limits.ingests_max, std::memory_order_relaxed);
}

void OverloadGuard::observe(const OverloadSample& sample) {
  const std::scoped_lock lock(mutex_);
  judge(Overload::kLoopLag, static_cast<std::uint64_t>(sample.loop_lag.count()),
        static_cast<std::uint64_t>(limits_.loop_lag_max.count()));
  judge(Overload::kMemory, sample.memory_bytes, limits_.memory_max);
  judge(Overload::kBacklog, sample.backlog, limits_.backlog_max);
}

void OverloadGuard::judge(Overload reason, std::uint64_t measure, std::uint64_t limit) {
  const auto next = [&](DeliveryClass queue, std::uint64_t high, std::uint64_t low) {
    const Bits mine = bit(reason, queue);
    const bool now = (refused_.load(std::memory_order_relaxed) & mine) != 0;
    const bool then = limit > 0 && measure >= (now ? low : high);
    if (then) {
      refused_.fetch_or(mine, std::memory_order_relaxed);
    } else {
      refused_.fetch_and(~mine, std::memory_order_relaxed);
    }
    return then;
  };
  const bool normal = next(DeliveryClass::kNormal, limit, release_below(limit));
  next(DeliveryClass::kCritical, critical_limit(limit), limit);
  refusing_metrics_[static_cast<std::size_t>(reason)]->set(normal ? 1 : 0);
}

bool OverloadGuard::too_many_ingests(DeliveryClass queue) const {
  const std::uint64_t limit = ingests_max_.load(std::memory_order_relaxed);
  if (limit == 0) return false;
  const std::uint64_t most = queue == DeliveryClass::kCritical ? critical_limit(limit) : limit;
  return ingests_.load(std::memory_order_relaxed) > most;
}

std::optional<Overload> OverloadGuard::refusal(DeliveryClass queue) {
  const Bits refused = refused_.load(std::memory_order_relaxed);
  std::optional<Overload> found;
  if (too_many_ingests(queue)) {
    found = Overload::kIngests;
  } else if (refused != 0) {
    const auto at = std::ranges::find_if(
        kAll, [&](Overload reason) { return (refused & bit(reason, queue)) != 0; });
    if (at != kAll.end()) found = *at;
  }
  if (found) {
    refused_metrics_[static_cast<std::size_t>(*found)][static_cast<std::size_t>(queue)]->add();
  }
  return found;
}

bool OverloadGuard::refuses(Overload reason) const {
  if (reason == Overload::kIngests) return too_many_ingests(DeliveryClass::kNormal);
  const Bits refused = refused_.load(std::memory_order_relaxed);
  return (refused & bit(reason, DeliveryClass::kNormal)) != 0;
}

}  // namespace tocsin::delivery
