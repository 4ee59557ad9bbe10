#pragma once

#include <string_view>

#include "gateway/script/failure.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::script {

/// What is counted of scripts: `tocsin_script_errors_total` by script, instance and reason.
/// Outlives all instances. Thread-safe.
class ScriptMetrics {
 public:
  explicit ScriptMetrics(telemetry::Metrics& metrics)
      : errors_(metrics.counters("tocsin_script_errors_total",
                                 "Calls of a script that ended with an error, by why.",
                                 {"plugin", "id", "reason"})) {}

  void failed(std::string_view plugin, std::string_view id, Failure::Kind kind) {
    errors_.with({plugin, id, failure_name(kind)}).add();
  }

 private:
  telemetry::Family<telemetry::Counter>& errors_;
};

}  // namespace tocsin::script
