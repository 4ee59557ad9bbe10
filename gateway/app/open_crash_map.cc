#include "gateway/app/open_crash_map.h"

#include <utility>

#include "gateway/plugin/crash_signals.h"

namespace tocsin::app {

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

std::unique_ptr<plugin::CrashMap> open_crash_map(const Value& root, std::size_t loops,
                                                 telemetry::Log& log) {
  if (const auto path = crash_map_path(root)) {
    auto map = plugin::CrashMap::open(*path, loops, SystemClock::instance().wall());
    if (map) {
      plugin::CrashSignals::install();
      return std::move(*map);
    }
    TOCSIN_LOG(log, kWarning, "app", "crashes will not be traced to plugins",
               {"error", map.error().text()});
  }
  return std::make_unique<plugin::CrashMap>(loops);
}

}  // namespace tocsin::app
