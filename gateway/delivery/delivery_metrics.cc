#include "gateway/delivery/delivery_metrics.h"

namespace tocsin::delivery {

namespace {

constexpr double kOperationBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

telemetry::Counter& settled(telemetry::Metrics& metrics, std::string_view output,
                            std::string_view result) {
  return metrics
      .counters("tocsin_deliveries_total", "Deliveries settled, by what they came to.",
                {"output", "result"})
      .with({output, result});
}

telemetry::Gauge& of_output(telemetry::Metrics& metrics, std::string_view name,
                            std::string_view help, std::string_view output) {
  return metrics.gauges(name, help, {"output"}).with({output});
}

telemetry::Gauge& paused(telemetry::Metrics& metrics, std::string_view output,
                         std::string_view reason) {
  return metrics
      .gauges("tocsin_lane_paused", "1 while the output begins no attempt for this reason.",
              {"output", "reason"})
      .with({output, reason});
}

telemetry::Counter& postponed(telemetry::Metrics& metrics, std::string_view output,
                              std::string_view reason) {
  return metrics
      .counters("tocsin_deliveries_postponed_total",
                "Deliveries that had to wait for their own turn, by what for.",
                {"output", "reason"})
      .with({output, reason});
}

}  // namespace

FrontMetrics::FrontMetrics(telemetry::Metrics& metrics)
    : commits(metrics.counter("tocsin_outbox_commits_total", "Batches committed.")),
      commits_failed(
          metrics.counter("tocsin_outbox_commits_failed_total", "Batches not committed.")),
      commit_operations(metrics.histogram("tocsin_outbox_commit_operations",
                                          "Operations of a batch.", kOperationBounds)),
      commit_seconds(metrics.histogram("tocsin_outbox_commit_seconds",
                                       "From handing a batch to the storage to its outcome.",
                                       telemetry::kLatencyBounds)),
      store_up(metrics.gauge("tocsin_store_up", "1 while commits succeed.")),
      purged(metrics.counter("tocsin_store_purged_total", "Rows of history deleted.")),
      claims_released(metrics.counter("tocsin_outbox_claims_released_total",
                                      "Deliveries that were claimed in the store and in nobody's "
                                      "memory, and were given back.")),
      claims_failed(metrics.counter("tocsin_outbox_claims_failed_total",
                                    "Claims that the store did not carry out.")),
      claims_taken(metrics.counter("tocsin_outbox_claims_taken_over_total",
                                   "Deliveries taken over that a gateway had claimed which died.")),
      backlog(metrics.gauges("tocsin_outbox_backlog", "Deliveries that wait in the store.",
                             {"output"})),
      spilled(metrics.gauges("tocsin_lane_spilled",
                             "1 while the lane's deliveries go through the store, 0 while they are "
                             "handed over directly.",
                             {"output"})),
      redriven_(metrics.counters("tocsin_dead_letters_redriven_total",
                                 "Dead letters sent again, by what caused it.", {"output", "by"})) {
}

void FrontMetrics::redrive(std::string_view output, std::string_view by) {
  redriven_.with({output, by}).add();
}

telemetry::Family<telemetry::Counter>& given_up_family(telemetry::Metrics& metrics) {
  return metrics.counters("tocsin_deliveries_given_up_total",
                          "Deliveries given up by the output, by why and what followed.",
                          {"output", "reason", "next"});
}

LaneMetrics::LaneMetrics(telemetry::Metrics& metrics, std::string_view output)
    : attempt_seconds(metrics
                          .histograms("tocsin_attempt_seconds", "Time an attempt took.",
                                      telemetry::kLatencyBounds, {"output"})
                          .with({output})),
      delivery_seconds(metrics
                           .histograms("tocsin_delivery_seconds",
                                       "From accepting a notification to its delivery.",
                                       telemetry::kLatencyBounds, {"output"})
                           .with({output})),
      delivered(settled(metrics, output, "delivered")),
      dead(settled(metrics, output, "dead")),
      fell_back(settled(metrics, output, "fell_back")),
      cancelled(settled(metrics, output, "cancelled")),
      lost(settled(metrics, output, "lost")),
      late(metrics
               .counters("tocsin_completions_late_total",
                         "Verdicts for no running attempt: late ones and second ones.", {"output"})
               .with({output})),
      in_flight(of_output(metrics, "tocsin_lane_in_flight", "Attempts running.", output)),
      held(of_output(metrics, "tocsin_lane_held", "Deliveries in the lane's memory.", output)),
      unauthorized(paused(metrics, output, "unauthorized")),
      quarantined(paused(metrics, output, "quarantine")),
      halted(paused(metrics, output, "operator")),
      concurrency(of_output(metrics, "tocsin_lane_concurrency",
                            "Attempts that may run at a time, as of now.", output)),
      postponed_address(postponed(metrics, output, "address")),
      postponed_retry(postponed(metrics, output, "retry_budget")),
      breaker_opened(
          metrics
              .counters("tocsin_lane_breaker_opened_total", "Times the breaker opened.", {"output"})
              .with({output})),
      given_up_(given_up_family(metrics)),
      redriven_(metrics.counters("tocsin_redrives_settled_total",
                                 "Dead letters sent again that came to an end, by what it was.",
                                 {"output", "result"})),
      output_(output) {
  auto& family = metrics.counters("tocsin_attempts_total", "Attempts by their verdict.",
                                  {"output", "verdict"});
  for (std::size_t i = 0; i < kVerdicts; ++i) {
    attempts[i] =
        &family.with({output, message::verdict_name(static_cast<message::VerdictKind>(i))});
  }
  auto& states = metrics.gauges("tocsin_lane_breaker", "1 for the state the breaker is in.",
                                {"output", "state"});
  for (std::size_t i = 0; i < kBreakerStates; ++i) {
    breaker[i] =
        &states.with({output, policy::breaker_state_name(static_cast<policy::BreakerState>(i))});
  }
  auto& begun = metrics.counters("tocsin_lane_waits_total",
                                 "Times deliveries began to wait for their output, by what for.",
                                 {"output", "reason"});
  for (std::size_t i = 1; i < kLaneWaits; ++i) {
    waits[i] = &begun.with({output, lane_wait_name(static_cast<LaneWait>(i))});
  }
}

void LaneMetrics::give_up(GiveUpCause cause, std::string_view next) {
  given_up_.with({output_, give_up_cause_name(cause), next}).add();
}

void LaneMetrics::redriven(message::DeliveryState end) {
  redriven_.with({output_, message::state_name(end)}).add();
}

InputMetrics::InputMetrics(telemetry::Metrics& metrics, std::string_view input) {
  auto& family =
      metrics.counters("tocsin_notifications_total",
                       "Notifications received, by what they came to.", {"input", "outcome"});
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    outcomes[i] = &family.with({input, outcome_name(static_cast<stage::EmitOutcome::Kind>(i))});
  }
}

std::string_view outcome_name(stage::EmitOutcome::Kind kind) {
  switch (kind) {
    case stage::EmitOutcome::Kind::kCommitted:
      return "committed";
    case stage::EmitOutcome::Kind::kDropped:
      return "dropped";
    case stage::EmitOutcome::Kind::kUnrouted:
      return "unrouted";
    case stage::EmitOutcome::Kind::kNoAddress:
      return "no_address";
    case stage::EmitOutcome::Kind::kTooMany:
      return "too_many";
    case stage::EmitOutcome::Kind::kReplayed:
      return "replayed";
    case stage::EmitOutcome::Kind::kConflict:
      return "conflict";
    case stage::EmitOutcome::Kind::kInvalid:
      return "invalid";
    case stage::EmitOutcome::Kind::kStoreDown:
      return "store_down";
    case stage::EmitOutcome::Kind::kFull:
      return "full";
  }
  TOCSIN_ASSERT(false, "an outcome of no kind");
}

}  // namespace tocsin::delivery
