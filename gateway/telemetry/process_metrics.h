#pragma once

#include <string_view>
#include <vector>

#include "gateway/telemetry/metrics.h"

namespace tocsin::telemetry {

/// Declares what an operator expects of every process: process_cpu_seconds_total,
/// process_resident_memory_bytes, process_open_fds, process_max_fds, process_start_time_seconds and
/// tocsin_build_info{version}. Read from the kernel when scraped; a value that cannot be read is
/// NaN. Keep the handles for as long as the values are to be shown.
[[nodiscard]] std::vector<MetricCallback> declare_process_metrics(Metrics& metrics,
                                                                  std::string_view version);

}  // namespace tocsin::telemetry
