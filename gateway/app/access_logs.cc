#include "gateway/app/access_logs.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "gateway/app/snapshot.h"
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
  OpenLog opened;
  opened.log = std::make_unique<telemetry::LineLog>(std::move(sink));
  opened.metrics = telemetry::declare_log_metrics(metrics_, "access:" + path, *opened.log);
  const std::lock_guard lock(mutex_);
  logs_.emplace(path, std::move(opened));
  return {};
}

telemetry::LineLog& AccessLogs::at(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = logs_.find(path);
  TOCSIN_ASSERT(found != logs_.end(), "an access log was used before it was opened");
  return *found->second.log;
}

std::vector<std::unique_ptr<telemetry::LineLog>> AccessLogs::take_others(
    const std::set<std::string>& paths) {
  std::vector<std::unique_ptr<telemetry::LineLog>> others;
  for (auto at = logs_.begin(); at != logs_.end();) {
    if (paths.contains(at->first)) {
      ++at;
      continue;
    }
    at->second.metrics.clear();  // a scrape may read them until here
    others.push_back(std::move(at->second.log));
    const std::lock_guard lock(mutex_);
    at = logs_.erase(at);
  }
  return others;
}

bool AccessLogs::flush(Duration limit) {
  const MonoTime until = SystemClock::instance().mono() + limit;
  bool all = true;
  for (const auto& [path, opened] : logs_) {
    const Duration left = until - SystemClock::instance().mono();
    all = opened.log->flush(std::max(left, Duration::zero())) && all;
  }
  return all;
}

void AccessLogs::complain(telemetry::Log& log, MonoTime now) {
  for (auto& [path, opened] : logs_) {
    const std::uint64_t lost = opened.log->lines_lost() + opened.log->lines_dropped();
    if (lost == opened.lost_told || !opened.complaints.admit(now)) continue;
    const int error = opened.log->last_error();
    const std::string why =
        error == 0 ? "it takes lines too slowly" : std::generic_category().message(error);
    TOCSIN_LOG(log, kWarning, "app", "an access log lost lines", {"path", path},
               {"lines", lost - opened.lost_told}, {"error", why});
    opened.lost_told = lost;
  }
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

void LoopAccessLogs::keep_only(const std::set<std::string>& paths) {
  std::erase_if(writers_, [&](const auto& entry) { return !paths.contains(entry.first); });
}

namespace {

void note_paths(const Value& filters, std::map<std::string, Place>& paths) {
  for (const Value& filter : filters.as<Value::List>()) {
    if (filter.string("type") != "access_log") continue;
    paths.emplace(filter.string("path"), filter.at("path").place());
  }
}

// Why a log could not be opened; empty: it could.
std::string obstacle(const std::string& path) {
  namespace fs = std::filesystem;
  if (path == "stdout" || path == "stderr") return {};
  std::error_code error;
  if (fs::is_directory(path, error)) return "it is a folder";
  const bool there = fs::exists(path, error);
  std::string target = path;
  if (!there)
    target = fs::path(path).has_parent_path() ? fs::path(path).parent_path().string() : ".";
  if (!there && !fs::is_directory(target, error)) return "there is no folder " + target;
  if (::access(target.c_str(), W_OK) == 0) return {};
  return there ? "it may not be written" : "nothing may be written into the folder " + target;
}

}  // namespace

config::Diagnostics check_log_paths(const Value& root) {
  config::Diagnostics faults;
  const auto look = [&](const std::string& path, const Place& place, std::string_view key) {
    if (const std::string why = obstacle(path); !why.empty()) {
      faults.push_back(
          fault_at(place, std::string(key), "cannot open the log " + path + ": " + why));
    }
  };
  const Value& own = root.at("gateway").at("log").at("output");
  look(own.as<std::string>(), own.place(), "gateway.log.output");
  for (const auto& [path, place] : access_log_paths(root)) look(path, place, "access_log.path");
  return faults;
}

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
