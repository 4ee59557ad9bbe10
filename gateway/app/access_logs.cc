#include "gateway/app/access_logs.h"

#include "gateway/base/assert.h"

namespace tocsin::app {

Result<std::unique_ptr<telemetry::ByteSink>> open_sink(const std::string& output) {
  if (output == "stdout") return telemetry::standard_output_sink();
  if (output == "stderr") return telemetry::standard_error_sink();
  return telemetry::open_file_sink(output);
}

Result<void> AccessLogs::open(const std::string& path) {
  if (logs_.contains(path)) return {};
  TOCSIN_TRY_SET(sink, open_sink(path));
  OpenLog& opened = logs_[path];
  opened.log = std::make_unique<telemetry::LineLog>(std::move(sink));
  opened.metrics = telemetry::declare_log_metrics(metrics_, "access:" + path, *opened.log);
  return {};
}

telemetry::LineLog& AccessLogs::at(const std::string& path) {
  const auto found = logs_.find(path);
  TOCSIN_ASSERT(found != logs_.end(), "an access log was used before it was opened");
  return *found->second.log;
}

Result<void> AccessLogs::reopen() {
  Result<void> all;
  for (const auto& [path, opened] : logs_) {
    if (Result<void> one = opened.log->reopen(); !one && all) all = std::move(one);
  }
  return all;
}

proxy::AccessLogWriter& LoopAccessLogs::at(const std::string& path) {
  std::unique_ptr<proxy::AccessLogWriter>& writer = writers_[path];
  if (writer == nullptr) writer = std::make_unique<proxy::AccessLogWriter>(loop_, logs_.at(path));
  return *writer;
}

namespace {

void note_paths(const Value& filters, std::map<std::string, Place>& paths) {
  for (const Value& filter : filters.as<Value::List>()) {
    if (filter.string("type") != "access_log") continue;
    paths.emplace(filter.string("path"), filter.at("path").place());
  }
}

}  // namespace

std::map<std::string, Place> access_log_paths(const Value& root) {
  std::map<std::string, Place> paths;
  for (const Value::Entry& listener : root.at("listeners").as<Value::Map>()) {
    note_paths(listener.value.at("filters"), paths);
    for (const Value& route : listener.value.at("routes").as<Value::List>()) {
      note_paths(route.at("filters"), paths);
    }
  }
  return paths;
}

}  // namespace tocsin::app
