#pragma once

#include <array>
#include <string_view>

#include "gateway/message/verdict.h"
#include "gateway/stage/emit.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::delivery {

/// What the outbox front counts.
struct FrontMetrics {
  explicit FrontMetrics(telemetry::Metrics& metrics);

  telemetry::Counter& commits;
  telemetry::Counter& commits_failed;
  telemetry::Histogram& commit_operations;
  telemetry::Histogram& commit_seconds;
  telemetry::Gauge& store_up;
  telemetry::Counter& purged;
  telemetry::Counter& claims_released;  ///< rows that were ours in the store and in no memory
  telemetry::Family<telemetry::Gauge>& backlog;  ///< by output
  telemetry::Family<telemetry::Gauge>& spilled;  ///< by output: 1, or 0 for direct
};

/// What one lane counts.
struct LaneMetrics {
  LaneMetrics(telemetry::Metrics& metrics, std::string_view output);

  static constexpr std::size_t kVerdicts = 8;
  std::array<telemetry::Counter*, kVerdicts> attempts{};  ///< by VerdictKind
  telemetry::Histogram& attempt_seconds;
  telemetry::Counter& delivered;
  telemetry::Counter& dead;
  telemetry::Counter& cancelled;
  telemetry::Counter& lost;  ///< claims that were no longer ours when they were settled
  telemetry::Counter& late;  ///< completions of no running attempt: late ones and second ones
  telemetry::Gauge& in_flight;
  telemetry::Gauge& held;         ///< deliveries in memory
  telemetry::Gauge& paused;       ///< 1: unauthorized, probing
  telemetry::Gauge& quarantined;  ///< 1: suspected of crashing the gateway, waiting
};

/// What one input's notifications came to.
struct InputMetrics {
  InputMetrics(telemetry::Metrics& metrics, std::string_view input);

  static constexpr std::size_t kOutcomes = 10;
  std::array<telemetry::Counter*, kOutcomes> outcomes{};  ///< by stage::EmitOutcome::Kind
};

/// "committed", "dropped", "unrouted", "no_address", "too_many", "replayed", "conflict", "invalid",
/// "store_down", "full".
std::string_view outcome_name(stage::EmitOutcome::Kind kind);

}  // namespace tocsin::delivery
