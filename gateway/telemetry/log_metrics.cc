#include "gateway/telemetry/log_metrics.h"

namespace tocsin::telemetry {
namespace {

// Log and LineLog keep the same account.
template <typename AnyLog>
std::vector<MetricCallback> declare(Metrics& metrics, std::string_view name, const AnyLog& log) {
  constexpr std::string_view kDropped = "tocsin_log_lines_dropped_total";
  constexpr std::string_view kDroppedHelp = "Log lines given up";
  const auto as_double = [](std::uint64_t count) { return static_cast<double>(count); };
  std::vector<MetricCallback> handles;
  handles.push_back(metrics.callback(MetricType::kCounter, kDropped, kDroppedHelp,
                                     {{"log", name}, {"reason", "queue_full"}},
                                     [&log, as_double] { return as_double(log.lines_dropped()); }));
  handles.push_back(metrics.callback(MetricType::kCounter, kDropped, kDroppedHelp,
                                     {{"log", name}, {"reason", "write_failed"}},
                                     [&log, as_double] { return as_double(log.lines_lost()); }));
  handles.push_back(metrics.callback(MetricType::kCounter, "tocsin_log_write_errors_total",
                                     "Failed writes of log lines", {{"log", name}},
                                     [&log, as_double] { return as_double(log.write_errors()); }));
  return handles;
}

}  // namespace

std::vector<MetricCallback> declare_log_metrics(Metrics& metrics, std::string_view name,
                                                const Log& log) {
  return declare(metrics, name, log);
}

std::vector<MetricCallback> declare_log_metrics(Metrics& metrics, std::string_view name,
                                                const LineLog& log) {
  std::vector<MetricCallback> handles = declare(metrics, name, log);
  handles.push_back(metrics.callback(MetricType::kCounter, "tocsin_log_lines_cut_total",
                                     "Log lines written without the end of an overlong field",
                                     {{"log", name}},
                                     [&log] { return static_cast<double>(log.lines_cut()); }));
  return handles;
}

}  // namespace tocsin::telemetry
