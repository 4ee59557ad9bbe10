#pragma once

#include <atomic>
#include <memory>

#include "gateway/event/offload_pool.h"
#include "gateway/http/exchange.h"
#include "gateway/http/filter.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::admin {

/// What load balancers and supervisors are told. Written by the control thread, read by any.
class Readiness {
 public:
  enum class State : std::uint8_t { kStarting, kReady, kDraining };
  void set(State state) { state_.store(state, std::memory_order_relaxed); }
  State state() const { return state_.load(std::memory_order_relaxed); }

 private:
  std::atomic<State> state_{State::kStarting};
};

/// The admin address: GET /healthz (the process serves), /readyz (200 when new work is welcome,
/// else 503), /metrics (Prometheus text format 0.0.4, made off the loop).
class AdminRoutes final : public http::RouteSource {
 public:
  /// All must outlive this; `pool` makes the metrics' text.
  AdminRoutes(const Readiness& readiness, telemetry::Metrics& metrics, event::OffloadPool& pool);
  ~AdminRoutes() override;

  http::RoutePlan plan(const http::RequestHead& head) const override;
  void note_refused(const http::Exchange&) const override {}

 private:
  class Health;
  class Ready;
  class MetricsText;
  class Refusal;

  std::unique_ptr<Health> health_;
  std::unique_ptr<Ready> ready_;
  std::unique_ptr<MetricsText> metrics_;
  std::unique_ptr<Refusal> not_found_;
  std::unique_ptr<Refusal> not_allowed_;
};

}  // namespace tocsin::admin
