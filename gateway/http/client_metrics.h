#pragma once

#include <array>

#include "gateway/telemetry/metrics.h"

namespace tocsin::http {

/// What HTTP clients count together: one for the process, shared by the clients of its loops.
/// Outlives them.
struct ClientMetrics {
  static constexpr std::size_t kErrorKinds = 7;  ///< of ClientError::Kind

  explicit ClientMetrics(telemetry::Metrics& metrics);

  telemetry::Gauge& connections;  ///< open
  telemetry::Gauge& idle;         ///< of them waiting for a request
  telemetry::Counter& opened;
  telemetry::Counter& requests;  ///< accepted by send()
  telemetry::Counter& reused;    ///< sent on a connection that had served one before
  telemetry::Counter& retried;
  std::array<telemetry::Counter*, kErrorKinds> errors;  ///< by ClientError::Kind
};

}  // namespace tocsin::http
