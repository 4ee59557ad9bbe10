#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "gateway/delivery/lane_pace.h"
#include "gateway/delivery/settle.h"
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
  telemetry::Counter& claims_failed;    ///< claims whose batch was not committed
  telemetry::Counter& claims_taken;     ///< rows that gateways had claimed which died since
  telemetry::Family<telemetry::Gauge>& backlog;  ///< by output
  telemetry::Family<telemetry::Gauge>& spilled;  ///< by output: 1, or 0 for direct

  /// A dead letter of that output was sent again; `by`: "operator", "schedule", "breaker".
  void redrive(std::string_view output, std::string_view by);

 private:
  telemetry::Family<telemetry::Counter>& redriven_;
};

/// Deliveries given up, by output, why, and what followed.
telemetry::Family<telemetry::Counter>& given_up_family(telemetry::Metrics& metrics);

/// What one lane counts.
struct LaneMetrics {
  LaneMetrics(telemetry::Metrics& metrics, std::string_view output);

  static constexpr std::size_t kVerdicts = 8;
  static constexpr std::size_t kBreakerStates = 5;
  /// Outputs that every family has room for; of those beyond, some share the labels "other".
  static constexpr std::size_t kOutputsMax =
      telemetry::kMetricChildrenMax / std::max(kVerdicts, kLaneWaits - 1);
  std::array<telemetry::Counter*, kVerdicts> attempts{};  ///< by VerdictKind
  telemetry::Histogram& attempt_seconds;
  telemetry::Histogram& delivery_seconds;  ///< from accepting to delivered
  telemetry::Counter& delivered;
  telemetry::Counter& dead;
  telemetry::Counter& fell_back;
  telemetry::Counter& cancelled;
  telemetry::Counter& lost;  ///< claims that were no longer ours when they were settled
  telemetry::Counter& late;  ///< completions of no running attempt: late ones and second ones
  telemetry::Gauge& in_flight;
  telemetry::Gauge& held;                 ///< deliveries in memory
  telemetry::Gauge& unauthorized;         ///< 1: its credentials fail, probing
  telemetry::Gauge& quarantined;          ///< 1: suspected of crashing the gateway, waiting
  telemetry::Gauge& halted;               ///< 1: an operator said so
  telemetry::Gauge& concurrency;          ///< attempts at a time, as of now
  telemetry::Counter& postponed_address;  ///< deliveries that had to wait for their address
  telemetry::Counter& postponed_retry;    ///< and for the retry budget
  telemetry::Counter& breaker_opened;
  std::array<telemetry::Gauge*, kBreakerStates> breaker{};  ///< by BreakerState: 1 for the present
  std::array<telemetry::Counter*, kLaneWaits> waits{};      ///< by LaneWait: how often it began

  /// A delivery that was given up; `next`: "dead" or "fell_back".
  void give_up(GiveUpCause cause, std::string_view next);
  /// What a dead letter that was sent again came to.
  void redriven(message::DeliveryState end);

 private:
  telemetry::Family<telemetry::Counter>& given_up_;
  telemetry::Family<telemetry::Counter>& redriven_;
  const std::string output_;
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
