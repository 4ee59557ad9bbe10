#pragma once

#include <string_view>
#include <vector>

#include "gateway/telemetry/line_log.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::telemetry {

/// tocsin_log_lines_dropped_total{log,reason} and tocsin_log_write_errors_total{log}; `name` is the
/// label `log`, the reasons are "queue_full" and "write_failed". A line log has
/// tocsin_log_lines_cut_total{log} too. The log must outlive the handles.
[[nodiscard]] std::vector<MetricCallback> declare_log_metrics(Metrics& metrics,
                                                              std::string_view name,
                                                              const Log& log);
[[nodiscard]] std::vector<MetricCallback> declare_log_metrics(Metrics& metrics,
                                                              std::string_view name,
                                                              const LineLog& log);

}  // namespace tocsin::telemetry
