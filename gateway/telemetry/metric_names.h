#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gateway/base/result.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::telemetry {

/// Code::kInvalid with a sentence when the exposition format, or the conventions that `promtool
/// check metrics` holds to, forbid the description.
Result<void> check_metric(const MetricDescription& description);

/// Whether `value` may be a label value: UTF-8 and not longer than kMetricLabelBytesMax.
bool is_label_value(std::string_view value);

}  // namespace tocsin::telemetry
