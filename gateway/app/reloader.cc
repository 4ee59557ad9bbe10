#include "gateway/app/reloader.h"

#include <algorithm>
#include <utility>

#include "gateway/app/config_changes.h"
#include "gateway/app/load_gateway.h"
#include "gateway/app/reload_trial.h"

namespace tocsin::app {

namespace {

constexpr Duration kTrialPatience = std::chrono::seconds(30);
constexpr std::size_t kFaultsLogged = 20;

double seconds_since_epoch(WallTime at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

}  // namespace

/// One reload, from its files to its outcome.
struct Reloader::Attempt {
  std::vector<Function<void(const Outcome&)>> callers;
  std::unique_ptr<PluginCatalog> catalog;
  std::optional<config::LoadedConfig> config;
  std::shared_ptr<const Snapshot> made;
  std::vector<admin::ConfigChange> changes;
  bool installing = false;
};

Reloader::Reloader(Parts parts)
    : parts_(std::move(parts)),
      success_(
          parts_.metrics.gauge("tocsin_config_reload_success",
                               "Whether the last attempt to load the configuration was good.")),
      loaded_at_(parts_.metrics.gauge("tocsin_config_loaded_timestamp_seconds",
                                      "When the configuration that serves was put in place.")),
      alive_(parts_.metrics.gauge("tocsin_config_snapshots",
                                  "Configurations alive: the one that serves and those that end.")),
      applied_(parts_.metrics
                   .counters("tocsin_config_reloads_total", "Reloads by their result.", {"result"})
                   .with({"applied"})),
      unchanged_(
          parts_.metrics
              .counters("tocsin_config_reloads_total", "Reloads by their result.", {"result"})
              .with({"unchanged"})),
      refused_(parts_.metrics
                   .counters("tocsin_config_reloads_total", "Reloads by their result.", {"result"})
                   .with({"refused"})) {
  state_.path = parts_.path;
  parts_.swap.on_gone([this] {
    alive_.set(static_cast<double>(parts_.swap.alive()));
    if (attempt_ != nullptr && attempt_->made != nullptr && !attempt_->installing) {
      install_when_ready();
    }
  });
}

Reloader::~Reloader() = default;

void Reloader::began(const Snapshot& first) {
  state_.snapshot = first.number();
  state_.loaded_at = state_.last_reload_at = parts_.control.wall();
  numbers_ = first.number() + 1;
  success_.set(1);
  loaded_at_.set(seconds_since_epoch(state_.loaded_at));
  alive_.set(1);
}

admin::ConfigState Reloader::state() const {
  admin::ConfigState state = state_;
  state.alive = parts_.swap.alive();
  return state;
}

void Reloader::reload(Function<void(const Outcome&)> done) {
  if (stopped_ || parts_.swap.current() == nullptr) {
    return done({.kind = Outcome::Kind::kStopping,
                 .snapshot = state_.snapshot,
                 .changes = {},
                 .faults = {}});
  }
  if (waiting_.size() >= kWaitingMax) {
    return done(
        {.kind = Outcome::Kind::kBusy, .snapshot = state_.snapshot, .changes = {}, .faults = {}});
  }
  waiting_.push_back(std::move(done));
  if (attempt_ == nullptr) begin();
}

// All who asked before the files are read are answered by this reading.
void Reloader::begin() {
  attempt_ = std::make_unique<Attempt>();
  while (!waiting_.empty()) {
    attempt_->callers.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  load();
}

void Reloader::load() {
  attempt_->catalog = std::make_unique<PluginCatalog>();
  auto loaded = load_gateway(parts_.path, *attempt_->catalog, parts_.environment);
  if (!loaded) return refuse(std::move(loaded.error().diagnostics));
  config::Diagnostics faults = restart_faults(parts_.swap.current()->settings(), loaded->root);
  if (!faults.empty()) return refuse(std::move(faults));
  attempt_->config = std::move(*loaded);
  if (!Snapshot::makes_new(attempt_->config->root, *attempt_->catalog, *parts_.swap.current())) {
    return make();
  }
  try_plugins();
}

void Reloader::try_plugins() {
  auto report = std::make_shared<Result<std::vector<admin::ConfigFault>>>();
  const bool taken = parts_.estate.pool().submit(
      parts_.control,
      [report, path = parts_.path] { *report = try_in_process(path, kTrialPatience); },
      [this, report] {
        if (stopped_) return;
        if (!*report) return refuse({fault_of(report->error())});
        if ((*report)->empty()) return make();
        config::Diagnostics faults;
        for (const admin::ConfigFault& fault : **report) {
          const Place place{std::make_shared<const std::string>(fault.file), fault.line,
                            fault.column};
          faults.push_back({place, fault.path, fault.message, fault.hint, false});
        }
        refuse(std::move(faults));
      });
  if (!taken) refuse({fault_of({Code::kFull, "too much work waits; try again", {}})});
}

void Reloader::make() {
  auto made = Snapshot::make(numbers_, std::move(*attempt_->config), *attempt_->catalog,
                             parts_.swap.current(), parts_.estate);
  if (!made) return refuse(std::move(made.error()));
  attempt_->made = std::move(*made);
  attempt_->changes = config_changes(*parts_.swap.current(), *attempt_->made);
  if (attempt_->changes.empty()) {
    unchanged_.add();
    return finish({.kind = Outcome::Kind::kUnchanged, .snapshot = 0, .changes = {}, .faults = {}});
  }
  install_when_ready();
}

// Ports are taken only now, so that none is held while an older snapshot ends.
void Reloader::install_when_ready() {
  if (!parts_.swap.ready_for(*attempt_->made)) return;  // on_gone comes back here
  config::Diagnostics faults;
  for (const auto& [path, place] : access_log_paths(attempt_->made->settings())) {
    const Result<void> opened = parts_.access_logs.open(path);
    if (!opened) faults.push_back(fault_at(place, "access_log.path", opened.error().text()));
  }
  config::Diagnostics more = parts_.may_adopt(*attempt_->made);
  faults.insert(faults.end(), more.begin(), more.end());
  if (faults.empty()) faults = parts_.listeners.plan(*attempt_->made);
  if (!faults.empty()) return refuse(std::move(faults));
  attempt_->installing = true;
  parts_.swap.install(attempt_->made, [this](Result<void> done) { installed(std::move(done)); });
}

void Reloader::installed(Result<void> came_to) {
  if (!came_to) return refuse({fault_of(came_to.error())});
  catalog_ = std::move(attempt_->catalog);
  ++numbers_;
  state_.snapshot = attempt_->made->number();
  state_.loaded_at = parts_.control.wall();
  loaded_at_.set(seconds_since_epoch(state_.loaded_at));
  alive_.set(static_cast<double>(parts_.swap.alive()));
  applied_.add();
  parts_.adopt(*attempt_->made);
  finish({.kind = Outcome::Kind::kApplied,
          .snapshot = 0,
          .changes = std::move(attempt_->changes),
          .faults = {}});
}

void Reloader::refuse(config::Diagnostics faults) {
  config::sort_by_place(faults);
  refused_.add();
  for (std::size_t i = 0; i < faults.size() && i < kFaultsLogged; ++i) {
    TOCSIN_LOG(parts_.log, kError, "app", "reload refused", {"fault", one_line(faults[i])},
               {"snapshot", state_.snapshot});
  }
  finish(
      {.kind = Outcome::Kind::kRefused, .snapshot = 0, .changes = {}, .faults = to_faults(faults)});
}

void Reloader::finish(Outcome outcome) {
  outcome.snapshot = state_.snapshot;
  const bool good = outcome.kind != Outcome::Kind::kRefused;
  state_.last_reload_ok = good;
  state_.last_reload_at = parts_.control.wall();
  state_.faults = outcome.faults;
  success_.set(good ? 1 : 0);
  if (good) {
    TOCSIN_LOG(parts_.log, kInfo, "app", "reloaded", {"snapshot", outcome.snapshot},
               {"changes", outcome.changes.size()});
  }
  const std::unique_ptr<Attempt> over = std::move(attempt_);
  for (auto& caller : over->callers) caller(outcome);
  if (waiting_.empty()) return;
  // Not from in here: whoever is answered may ask again.
  parts_.control.post([this] {
    if (!stopped_ && attempt_ == nullptr && !waiting_.empty()) begin();
  });
}

void Reloader::stop() {
  stopped_ = true;
  std::vector<Function<void(const Outcome&)>> all;
  if (attempt_ != nullptr) all = std::move(attempt_->callers);
  attempt_.reset();
  for (auto& caller : waiting_) all.push_back(std::move(caller));
  waiting_.clear();
  for (auto& caller : all) {
    caller({.kind = Outcome::Kind::kStopping,
            .snapshot = state_.snapshot,
            .changes = {},
            .faults = {}});
  }
}

// A loop names the instance at fault as its logger does: "output.ops-chat".
config::Diagnostic Reloader::fault_of(const Error& error) const {
  const std::string text = error.what;
  const std::size_t dot = error.where.find('.');
  if (attempt_->made != nullptr && dot != std::string::npos) {
    const std::string id = error.where.substr(dot + 1);
    const Value& root = attempt_->made->settings();
    for (const std::string_view key : {"outputs", "inputs"}) {
      if (!key.starts_with(error.where.substr(0, dot))) continue;
      for (const Value::Entry& entry : root.at(key).as<Value::Map>()) {
        if (entry.key == id) return fault_at(entry.key_place, std::string(key) + "." + id, text);
      }
    }
  }
  const Place place{std::make_shared<const std::string>(parts_.path), 0, 0};
  return fault_at(place, error.where, text);
}

}  // namespace tocsin::app
