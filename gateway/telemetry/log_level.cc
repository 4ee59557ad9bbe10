#include <array>

#include "gateway/base/text.h"
#include "gateway/telemetry/log.h"

namespace tocsin::telemetry {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"trace", "debug",    "info", "warning",
                                                    "error", "critical", "off"};

}  // namespace

std::string_view log_level_name(LogLevel level) { return kNames[static_cast<std::size_t>(level)]; }

std::optional<LogLevel> parse_log_level(std::string_view name) {
  if (equals_ignoring_case(name, "warn")) return LogLevel::kWarning;
  if (equals_ignoring_case(name, "fatal")) return LogLevel::kCritical;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (equals_ignoring_case(name, kNames[i])) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

}  // namespace tocsin::telemetry
