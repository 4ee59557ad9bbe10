#pragma once

#include <optional>
#include <string>

#include "gateway/base/value.h"
#include "gateway/plugin/crash_map.h"
#include "gateway/telemetry/log.h"

namespace tocsin::app {

/// Where the map of a configuration lies; nothing: it has none.
std::optional<std::string> crash_map_path(const Value& root);

/// Puts the map beside the store of that root, which is about to be opened, and logs what earlier
/// processes left there. A map that cannot be kept is logged and done without: it is no reason not
/// to serve. Construction thread, while no plugin is on a loop.
void keep_crash_map(const Value& root, plugin::CrashMap& map, WallTime now, telemetry::Log& log);

}  // namespace tocsin::app
