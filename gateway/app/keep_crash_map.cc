#include "gateway/app/keep_crash_map.h"

#include "gateway/plugin/crash_signals.h"

namespace tocsin::app {

namespace {

void report_crashes(const plugin::CrashMap& map, WallTime now, telemetry::Log& log) {
  for (const plugin::CrashFinding& one : map.found()) {
    TOCSIN_LOG(log, kError, "app", "the last process crashed inside a plugin",
               {"plugin", one.plugin}, {"id", one.id}, {"signal", one.signal},
               {"deliveries", one.deliveries.size()});
  }
  for (const plugin::CrashFinding& one : map.suspects(now)) {
    TOCSIN_LOG(log, kError, "app", "a plugin is suspected of crashing the gateway",
               {"plugin", one.plugin}, {"id", one.id},
               {"quarantine_ms", plugin::CrashMap::kSuspectWindow});
  }
}

}  // namespace

// What it names are deliveries of one store, so that it belongs beside that store and nowhere else
// by itself.
std::optional<std::string> crash_map_path(const Value& root) {
  const std::string& written = root.at("gateway").string("crash_map");
  if (written == "off") return std::nullopt;
  if (written != "auto") return written;
  const Value* storage = root.find("storage");
  const Value* path = storage == nullptr ? nullptr : storage->find("path");
  if (path == nullptr || !path->is<std::string>()) return std::nullopt;
  return path->as<std::string>() + ".crash";
}

void keep_crash_map(const Value& root, plugin::CrashMap& map, WallTime now, telemetry::Log& log) {
  const auto path = crash_map_path(root);
  // The same place again: the store was closed because its reload failed, and what was found there
  // is yet to be told to it.
  if (!path || *path == map.path()) return;
  if (const Result<void> kept = map.keep_in(*path, now); !kept) {
    TOCSIN_LOG(log, kWarning, "app", "crashes will not be traced to plugins",
               {"error", kept.error().text()});
    return;
  }
  plugin::CrashSignals::install();
  report_crashes(map, now, log);
}

}  // namespace tocsin::app
