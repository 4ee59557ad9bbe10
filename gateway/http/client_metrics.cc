#include "gateway/http/client_metrics.h"

#include "gateway/http/client.h"

namespace tocsin::http {

namespace {

constexpr std::string_view kind_name(ClientError::Kind kind) {
  switch (kind) {
    case ClientError::Kind::kConnect:
      return "connect";
    case ClientError::Kind::kTimeoutBeforeSent:
      return "timeout_before_sent";
    case ClientError::Kind::kTimeoutAfterSent:
      return "timeout_after_sent";
    case ClientError::Kind::kClosedBeforeResponse:
      return "closed_before_response";
    case ClientError::Kind::kCut:
      return "cut";
    case ClientError::Kind::kFraming:
      return "framing";
    case ClientError::Kind::kTooLarge:
      return "too_large";
  }
  return "other";
}

static_assert(static_cast<std::size_t>(ClientError::Kind::kTooLarge) + 1 ==
              ClientMetrics::kErrorKinds);

}  // namespace

ClientMetrics::ClientMetrics(telemetry::Metrics& metrics)
    : connections(metrics.gauge("tocsin_http_client_connections",
                                "Connections to others that are open now.")),
      idle(metrics.gauge("tocsin_http_client_connections_idle",
                         "Open connections to others that wait for a request.")),
      opened(metrics.counter("tocsin_http_client_connections_total",
                             "Connections to others that were opened.")),
      requests(metrics.counter("tocsin_http_client_requests_total", "Requests to others.")),
      reused(metrics.counter("tocsin_http_client_requests_reused_total",
                             "Requests to others on a connection that had served one before.")),
      retried(metrics.counter("tocsin_http_client_retries_total",
                              "Requests sent again because their reused connection was closed.")) {
  auto& family =
      metrics.counters("tocsin_http_client_errors_total", "Requests that failed.", {"kind"});
  for (std::size_t i = 0; i < kErrorKinds; ++i) {
    errors[i] = &family.with({kind_name(static_cast<ClientError::Kind>(i))});
  }
}

}  // namespace tocsin::http
