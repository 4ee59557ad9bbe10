#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/message/delivery.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::delivery {

/// Why new notifications are refused for now.
enum class Overload : std::uint8_t { kIngests, kLoopLag, kMemory, kBacklog };
inline constexpr std::size_t kOverloads = 4;
/// As metrics, logs and health name it: "loop_lag".
std::string_view overload_name(Overload reason);
/// A sentence for who sent the notification.
std::string_view overload_sentence(Overload reason);

/// What a gateway may have on its hands before it refuses notifications; zero: any amount.
struct OverloadLimits {
  std::uint64_t ingests_max = 1000;  ///< emits that wait for their outcome
  Duration loop_lag_max = std::chrono::seconds(2);
  std::uint64_t memory_max = 0;   ///< bytes resident
  std::uint64_t backlog_max = 0;  ///< deliveries that wait in the store
};

/// What is measured now and then.
struct OverloadSample {
  Duration loop_lag{};  ///< the longest of any loop since the last sample
  std::uint64_t memory_bytes = 0;
  std::uint64_t backlog = 0;
};

/// Refuses new notifications, and never what was answered 202, while the gateway has too much to
/// do: those below critical from a limit on until the measure is under four fifths of it, critical
/// ones from five quarters of it on until it is under the limit. The number of ingests knows no
/// such memory, for each one that ends makes room for another. Thread-safe.
class OverloadGuard {
 public:
  explicit OverloadGuard(telemetry::Metrics& metrics);
  OverloadGuard(const OverloadGuard&) = delete;
  OverloadGuard& operator=(const OverloadGuard&) = delete;

  void set_limits(const OverloadLimits& limits);
  void observe(const OverloadSample& sample);

  /// An emit came, and its outcome is told.
  void enter() { ingests_.fetch_add(1, std::memory_order_relaxed); }
  void leave() { ingests_.fetch_sub(1, std::memory_order_relaxed); }

  /// Why a notification of that class may not come in; counted. Nothing: it may.
  std::optional<Overload> refusal(message::DeliveryClass queue);
  /// Whether notifications below critical are refused for that reason.
  bool refuses(Overload reason) const;

 private:
  using Bits = std::uint32_t;  // one an Overload for normal ones, above these one for critical ones
  static constexpr Bits bit(Overload reason, message::DeliveryClass queue) {
    const auto at = static_cast<unsigned>(reason);
    return Bits{1} << (queue == message::DeliveryClass::kCritical ? at + kOverloads : at);
  }
  bool too_many_ingests(message::DeliveryClass queue) const;
  void judge(Overload reason, std::uint64_t measure, std::uint64_t limit);

  std::atomic<std::uint64_t> ingests_{0};
  std::atomic<std::uint64_t> ingests_max_;
  std::atomic<Bits> refused_{0};

  mutable std::mutex mutex_;
  OverloadLimits limits_;  // guarded by mutex_

  telemetry::MetricCallback ingests_metric_;
  std::array<telemetry::Gauge*, kOverloads> refusing_metrics_{};
  std::array<std::array<telemetry::Counter*, 2>, kOverloads> refused_metrics_{};  // by class
};

}  // namespace tocsin::delivery
