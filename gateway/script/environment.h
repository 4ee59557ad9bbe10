#pragma once

#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/event/loop.h"
#include "gateway/http/client.h"
#include "gateway/policy/shared_table.h"
#include "gateway/script/limits.h"
#include "gateway/script/script_metrics.h"
#include "gateway/stage/presence.h"
#include "gateway/telemetry/log.h"
#include "gateway/template/settings.h"

namespace tocsin::script {

/// What the process lends every instance. All of it outlives them. `templates` is the
/// configuration's, which they share.
struct Services {
  telemetry::Log& log;
  ScriptMetrics& metrics;
  const Clock& clock = SystemClock::instance();
  Limits limits = {};
  stage::PresenceBook* presences = nullptr;    ///< null: who is inside a script is noted nowhere
  templates::SettingsPtr templates = nullptr;  ///< null: there are no parts
};

/// What one loop lends the instances that run on it. What is null is not there: functions that need
/// it raise an error. All of it outlives the instances' workers.
struct Environment {
  event::Loop& loop;
  http::HttpClient* client = nullptr;
  policy::SharedTable* table = nullptr;
};

/// Who speaks in log lines and metrics.
struct Voice {
  std::string label;   ///< "filter/level"
  std::string id;      ///< the instance's name in the configuration
  std::string logger;  ///< "filter.level"
};

}  // namespace tocsin::script
