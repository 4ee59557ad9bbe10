#include "gateway/app/reloader.h"

#include <algorithm>
#include <utility>

#include "gateway/app/config_changes.h"
#include "gateway/base/assert.h"
#include "gateway/delivery/delivery_metrics.h"

namespace tocsin::app {

namespace {

constexpr std::size_t kFaultsLogged = 20;

double seconds_since_epoch(WallTime at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

}  // namespace

/// One reload, from its files to its outcome.
struct Reloader::Attempt {
  Function<void(const Outcome&)> done;
  MonoTime began{};
  BuildPtr build;
  bool is_built = false;  // until then only the construction thread looks into it
  bool lent = false;      // the store that was opened for it
  bool waits = false;     // for on_gone() to find the way free
};

Reloader::Reloader(Parts parts)
    : parts_(std::move(parts)),
      build_look_(parts_.control.timers(), [this] { look_at_build(); }),
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
    parts_.log_sweep.begin();
    if (attempt_ != nullptr && attempt_->waits) install_when_ready();
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
  tell_of_metrics(first);
}

// Once: whoever has as many knows then, and a reload does not change it.
void Reloader::tell_of_metrics(const Snapshot& serving) {
  const std::size_t outputs = serving.outputs().size();
  if (outputs <= delivery::LaneMetrics::kOutputsMax || told_of_metrics_) return;
  told_of_metrics_ = true;
  TOCSIN_LOG(parts_.log, kWarning, "app",
             "more outputs than the metrics tell apart: the rest are counted as other",
             {"outputs", outputs}, {"limit", delivery::LaneMetrics::kOutputsMax});
}

admin::ConfigState Reloader::state() const {
  admin::ConfigState state = state_;
  state.alive = parts_.swap.alive();
  if (attempt_ == nullptr) return state;
  state.under_way_for = parts_.control.now() - attempt_->began;
  if (const auto call = parts_.calls.look()) state.inside = call->instance + ": " + call->what;
  return state;
}

Reloader::Outcome Reloader::ended(Outcome::Kind kind) const {
  Outcome outcome;
  outcome.kind = kind;
  outcome.snapshot = state_.snapshot;
  return outcome;
}

void Reloader::reload(Function<void(const Outcome&)> done) {
  if (stopped_ || parts_.swap.current() == nullptr) return done(ended(Outcome::Kind::kStopping));
  if (attempt_ == nullptr) return begin(std::move(done));
  Outcome outcome = ended(Outcome::Kind::kUnderWay);
  outcome.age = parts_.control.now() - attempt_->began;
  done(outcome);
}

void Reloader::reload_afterwards(Function<void(const Outcome&)> done) {
  if (attempt_ == nullptr || stopped_) return reload(std::move(done));
  if (!afterwards_) afterwards_ = std::move(done);
}

void Reloader::begin(Function<void(const Outcome&)> done) {
  attempt_ = std::make_unique<Attempt>();
  attempt_->done = std::move(done);
  attempt_->began = parts_.control.now();
  if (stuck_ == nullptr) return build();
  const auto call = parts_.calls.look();
  std::string text = "an earlier reload still waits for files or plugins that do not answer";
  if (call) text = "the " + call->what + " has not returned since an earlier reload";
  refuse({fault_in(call ? call->instance : "", text + "; a restart would end it")});
}

void Reloader::build() {
  attempt_->build =
      std::make_shared<SnapshotBuild>(SnapshotBuild{.path = parts_.path,
                                                    .environment = parts_.environment,
                                                    .estate = parts_.estate,
                                                    .thread = parts_.construction,
                                                    .calls = parts_.calls,
                                                    .number = numbers_,
                                                    .before = parts_.swap.share_current(),
                                                    .storage = parts_.estate.storage_settings()});
  parts_.construction.run([its = attempt_->build] { build_snapshot(*its); },
                          [this, its = attempt_->build] { built(its); });
  build_look_.arm_after(kLook);
}

// What hangs there cannot be stopped, so it is left behind: nothing of it will be used.
void Reloader::look_at_build() {
  if (attempt_ == nullptr || attempt_->is_built) return;
  const auto seconds = [](Duration limit) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limit).count()) + " s";
  };
  const MonoTime now = parts_.control.now();
  const auto call = parts_.calls.look();
  config::Diagnostics faults;
  if (call && now - call->since >= kCallMax) {
    faults = {fault_in(call->instance,
                       "the " + call->what + " did not return within " + seconds(kCallMax))};
  } else if (now - attempt_->began >= kBuildMax) {
    faults = {fault_in(
        "",
        "reading the configuration, trying its plugins and opening its store took longer than " +
            seconds(kBuildMax))};
  } else {
    return build_look_.arm_after(kLook);
  }
  stuck_ = attempt_->build;
  refuse(std::move(faults));
}

void Reloader::built(const BuildPtr& build) {
  if (stuck_ == build) {
    stuck_.reset();
    TOCSIN_LOG(parts_.log, kWarning, "app", "what a reload waited for has come back",
               {"snapshot", state_.snapshot});
    return;
  }
  if (stopped_) return;
  TOCSIN_ASSERT(attempt_ != nullptr && attempt_->build == build, "a build belongs to no reload");
  attempt_->is_built = true;
  build->before.reset();
  if (!build->faults.empty()) return refuse(std::move(build->faults));
  if (build->store != nullptr) return lend_store();
  if (build->made != nullptr) return install_when_ready();
  unchanged_.add();
  finish(ended(Outcome::Kind::kUnchanged));
}

void Reloader::lend_store() {
  attempt_->lent = true;
  parts_.lending.lend(std::move(attempt_->build->store), [this](Result<void> lent) {
    if (stopped_) return;
    if (lent) return install_when_ready();
    attempt_->lent = false;
    refuse({fault_in(lent.error().where, lent.error().what)});
  });
}

// Ports are taken only now, so that none is held while an older snapshot ends.
void Reloader::install_when_ready() {
  const std::shared_ptr<const Snapshot>& made = attempt_->build->made;
  attempt_->waits = !parts_.swap.ready_for(*made);
  if (attempt_->waits) return;  // on_gone comes back here
  config::Diagnostics faults;
  for (const auto& [path, place] : access_log_paths(made->settings())) {
    const Result<void> opened = parts_.access_logs.open(path);
    if (!opened) faults.push_back(fault_at(place, "access_log.path", opened.error().text()));
  }
  config::Diagnostics more = parts_.may_adopt(*made);
  faults.insert(faults.end(), more.begin(), more.end());
  if (faults.empty()) faults = parts_.listeners.plan(*made);
  if (!faults.empty()) return refuse(std::move(faults));
  parts_.swap.install(made, [this](Result<void> done) { installed(std::move(done)); });
}

void Reloader::installed(Result<void> came_to) {
  if (attempt_ == nullptr) return;  // stopped meanwhile
  if (!came_to) return refuse({fault_in(came_to.error().where, came_to.error().what)});
  if (attempt_->lent) parts_.estate.storage().serve();
  SnapshotBuild& build = *attempt_->build;
  catalog_ = std::move(build.catalog);
  ++numbers_;
  state_.snapshot = build.made->number();
  state_.loaded_at = parts_.control.wall();
  loaded_at_.set(seconds_since_epoch(state_.loaded_at));
  alive_.set(static_cast<double>(parts_.swap.alive()));
  applied_.add();
  parts_.adopt(*build.made);
  tell_of_metrics(*build.made);
  Outcome outcome = ended(Outcome::Kind::kApplied);
  outcome.changes = std::move(build.changes);
  finish(std::move(outcome));
}

void Reloader::refuse(config::Diagnostics faults) {
  if (std::exchange(attempt_->lent, false)) {
    return parts_.lending.take_back([this, faults = std::move(faults)]() mutable {
      if (!stopped_) refuse(std::move(faults));
    });
  }
  config::sort_by_place(faults);
  refused_.add();
  parts_.log_sweep.begin();  // it may have opened some
  for (std::size_t i = 0; i < faults.size() && i < kFaultsLogged; ++i) {
    TOCSIN_LOG(parts_.log, kError, "app", "reload refused", {"fault", one_line(faults[i])},
               {"snapshot", state_.snapshot});
  }
  Outcome outcome = ended(Outcome::Kind::kRefused);
  outcome.faults = to_faults(faults);
  finish(std::move(outcome));
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
  over->done(outcome);
  if (!afterwards_) return;
  // Not from in here: whoever is answered may ask again.
  parts_.control.post([this] {
    if (afterwards_) reload_afterwards(std::exchange(afterwards_, nullptr));
  });
}

void Reloader::stop() {
  stopped_ = true;
  build_look_.cancel();
  const std::unique_ptr<Attempt> over = std::move(attempt_);
  // The drain gives back what there is to give back, which takes a store that is served.
  if (over != nullptr && over->lent) parts_.estate.storage().serve();
  if (over != nullptr) over->done(ended(Outcome::Kind::kStopping));
  if (afterwards_) std::exchange(afterwards_, nullptr)(ended(Outcome::Kind::kStopping));
}

// A loop, and a call under way, name the instance as its logger does: "output.ops-chat".
config::Diagnostic Reloader::fault_in(std::string_view instance, std::string text) const {
  const Place file{std::make_shared<const std::string>(parts_.path), 0, 0};
  const std::size_t dot = instance.find('.');
  if (dot == std::string_view::npos) return fault_at(file, std::string(instance), std::move(text));
  const std::string_view id = instance.substr(dot + 1);
  for (const std::string_view key : {"outputs", "inputs"}) {
    if (!key.starts_with(instance.substr(0, dot))) continue;
    const std::string path = std::string(key) + "." + std::string(id);
    const Place* place = place_of_key(key, id);
    return fault_at(place == nullptr ? file : *place, path, std::move(text));
  }
  return fault_at(file, std::string(instance), std::move(text));
}

// Of what is being installed; of what is still being built nothing may be read.
const Place* Reloader::place_of_key(std::string_view key, std::string_view id) const {
  if (!attempt_->is_built || attempt_->build->made == nullptr) return nullptr;
  for (const Value::Entry& entry : attempt_->build->made->settings().at(key).as<Value::Map>()) {
    if (entry.key == id) return &entry.key_place;
  }
  return nullptr;
}

}  // namespace tocsin::app
