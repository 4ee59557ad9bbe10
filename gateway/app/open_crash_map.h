#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "gateway/base/value.h"
#include "gateway/plugin/crash_map.h"
#include "gateway/telemetry/log.h"

namespace tocsin::app {

/// Where the map of a configuration lies; nothing: it has none.
std::optional<std::string> crash_map_path(const Value& root);

/// The map of so many loops. One that cannot be opened is logged and done without: it is no reason
/// not to serve.
std::unique_ptr<plugin::CrashMap> open_crash_map(const Value& root, std::size_t loops,
                                                 telemetry::Log& log);

}  // namespace tocsin::app
