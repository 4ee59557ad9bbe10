#include "gateway/app/gateway.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>
#include <utility>

#include "gateway/app/command_version.h"
#include "gateway/event/signal_watch.h"
#include "gateway/policy/siphash.h"

namespace tocsin::app {

namespace {

constexpr std::size_t kOffloadThreads = 2;
constexpr std::size_t kOffloadQueueMax = 64;
constexpr Duration kLogWatch = std::chrono::seconds(2);
// For a reload that is being built when the process ends, and for plugins to be destroyed.
constexpr Duration kConstructionPatience = std::chrono::seconds(5);
// For clients that are just sending on a connection that looked idle.
constexpr Duration kIdlePatience = std::chrono::seconds(5);

std::optional<Duration> watchdog_abort(const Value& settings) {
  const Value& limit = settings.at("gateway").at("watchdog_abort");
  return limit.is<Duration>() ? std::optional(limit.as<Duration>()) : std::nullopt;
}

// Of several gateways on one store each has its file, or with one file for all, its admin address.
std::string instance_name(const std::string& config_path, const Value& root) {
  std::error_code failed;
  const std::string path = std::filesystem::absolute(config_path, failed).lexically_normal();
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx",
                static_cast<unsigned long long>(policy::siphash({}, path)));
  return root.at("admin").string("address") + "/" + hash.data();
}

}  // namespace

std::size_t wanted_workers(const Value& settings) {
  const Value& workers = settings.at("gateway").at("workers");
  if (workers.is<std::int64_t>()) return static_cast<std::size_t>(workers.as<std::int64_t>());
  return std::max(1U, std::thread::hardware_concurrency());
}

Gateway::Gateway(Arguments arguments, const config::LoadedConfig& config, telemetry::Log& log)
    : arguments_(std::move(arguments)),
      log_(log),
      audit_(log),
      workers_wanted_(wanted_workers(config.root)),
      metrics_(workers_wanted_ + 2),  // the control loop and the storage
      access_logs_(metrics_),
      control_({.name = "control", .shard = workers_wanted_}),
      crash_map_(workers_wanted_ + 2),
      watchdog_(crash_map_, log, metrics_),
      pool_(std::in_place, kOffloadThreads, kOffloadQueueMax),
      estate_({.log = log,
               .metrics = metrics_,
               .pool = *pool_,
               .workers = workers_wanted_,
               .storage_shard = workers_wanted_ + 1,
               .crash_map = crash_map_,
               .join_store = arguments_.predecessor.has_value(),
               .calls = &calls_,
               .instance = instance_name(arguments_.config_path, config.root)}),
      overload_watch_(control_, estate_.overload(), metrics_, log),
      construction_(control_),
      listeners_(metrics_, workers_wanted_, arguments_.inherited),
      loops_(control_),
      swap_(loops_, listeners_),
      lending_(loops_, estate_),
      log_sweep_(loops_, swap_, access_logs_, construction_),
      lane_states_(loops_, swap_, estate_),
      lane_handover_(loops_, estate_, log),
      admin_(control_, metrics_, arguments_.inherited),
      reloader_(reloader_parts()),
      upgrade_({.control = control_,
                .loops = loops_,
                .listeners = listeners_,
                .admin = admin_,
                .lanes = lane_handover_,
                .log = log_,
                .metrics = metrics_,
                .command = arguments_.command,
                .replaced =
                    [this](pid_t pid) {
                      arguments_.supervisor.hand_over_to(pid);
                      admin_.retire();
                      begin_drain("replaced", kIdlePatience);
                    }}),
      drained_({.control = control_,
                .loops = loops_,
                .listeners = listeners_,
                .estate = estate_,
                .store_up = [this] { return control_part_->store_up(); },
                .before_store =
                    [this] {
                      if (store_audit_) store_audit_->close();
                      control_part_->suppressions().stop();
                    }}),
      drain_(control_, log_, drained_, [this] { upgrade_.finish([this] { control_.stop(); }); }),
      log_watch_(control_.timers(), [this] { watch_logs(); }),
      supervisor_timer_(control_.timers(), [this] { keep_supervisor_informed(); }),
      heap_trim_(control_) {
  callbacks_ = telemetry::declare_process_metrics(metrics_, version());
  for (auto& callback : telemetry::declare_log_metrics(metrics_, "main", log_)) {
    callbacks_.push_back(std::move(callback));
  }
}

Reloader::Parts Gateway::reloader_parts() {
  return {.control = control_,
          .construction = construction_,
          .calls = calls_,
          .estate = estate_,
          .swap = swap_,
          .lending = lending_,
          .listeners = listeners_,
          .access_logs = access_logs_,
          .log_sweep = log_sweep_,
          .log = log_,
          .metrics = metrics_,
          .path = arguments_.config_path,
          .environment = arguments_.environment,
          .adopt = [this](const Snapshot& snapshot) { adopt(snapshot); },
          .may_adopt = [this](const Snapshot& snapshot) { return admin_.plan(snapshot); }};
}

Gateway::~Gateway() { take_down(); }

// Servers before what they serve, the pool before the loops it posts to and the store it reads,
// lanes and plugins before both.
void Gateway::take_down() {
  watchdog_.stop();
  if (arguments_.predecessor) arguments_.predecessor->leave();
  admin_.close();
  for (const auto& worker : workers_) worker->stop();
  pool_.reset();
  store_gauges_.reset();
  if (control_part_ != nullptr) control_part_->finish();
  workers_.clear();
}

config::Diagnostics Gateway::open(config::LoadedConfig config, const PluginCatalog& catalog) {
  const Value root = config.root;  // the snapshot takes the rest
  config::Diagnostics faults;
  construction_.run_and_wait([&] {
    auto made = Snapshot::make(1, std::move(config), catalog, nullptr, estate_);
    if (made) first_ = construction_.keep(std::move(*made));
    if (!made) faults = std::move(made.error());
  });
  if (!faults.empty()) return faults;
  faults = open_access_logs();
  for (config::Diagnostics more : {listeners_.plan(*first_), admin_.plan(*first_)}) {
    faults.insert(faults.end(), more.begin(), more.end());
  }
  // The store last: it is taken over from a gateway that still runs only by mistake.
  if (!faults.empty() || !first_->notifies()) return faults;
  construction_.run_and_wait([&] {
    auto store = estate_.open_store(root, catalog);
    if (store) first_store_ = construction_.keep(std::move(*store));
    if (!store) faults = std::move(store.error());
  });
  return faults;
}

config::Diagnostics Gateway::open_access_logs() {
  config::Diagnostics faults;
  for (const auto& [path, place] : access_log_paths(first_->settings())) {
    const Result<void> opened = access_logs_.open(path);
    if (!opened) faults.push_back(fault_at(place, "access_log.path", opened.error().text()));
  }
  return faults;
}

void Gateway::make_workers() {
  for (std::size_t i = 0; i < workers_wanted_; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, metrics_, estate_, access_logs_));
    loops_.add(workers_.back()->estate());
    event::Loop* loop = &workers_.back()->loop();
    watchdog_.watch(*loop);
    overload_watch_.watch(*loop);
  }
  control_part_ =
      std::make_unique<LoopEstate>(estate_, access_logs_, control_, LoopEstate::kNoHome);
  loops_.add(*control_part_);
}

void Gateway::start_loops() {
  control_part_->open();
  overload_watch_.start();
  for (const auto& worker : workers_) worker->start();
  if (first_store_ == nullptr) return install_first();
  lending_.lend(std::move(first_store_), [this](Result<void> lent) {
    if (!lent) return serve_first(std::move(lent));
    install_first();
  });
}

void Gateway::install_first() {
  swap_.install(first_, [this](Result<void> done) { serve_first(std::move(done)); });
}

bool Gateway::run() {
  const telemetry::ShardClaim claim(metrics_, control_.shard());
  const event::SignalWatch terminate(control_, SIGTERM, [this] { drain("SIGTERM"); });
  const event::SignalWatch interrupt(control_, SIGINT, [this] { drain("SIGINT"); });
  const event::SignalWatch quit(control_, SIGQUIT, [this] { drain("SIGQUIT"); });
  const event::SignalWatch hang_up(control_, SIGHUP, [this] { reload_on_signal(); });
  const event::SignalWatch rotate(control_, SIGUSR1, [this] { reopen_logs(); });
  const event::SignalWatch replace(control_, SIGUSR2, [this] { upgrade(); });
  make_workers();
  log_watch_.arm_after(kLogWatch);
  watchdog_.watch(control_);
  watchdog_.set_abort_after(watchdog_abort(first_->settings()));
  estate_.overload().set_limits(overload_limits(first_->settings()));
  watchdog_.start();
  start_loops();
  control_.run();
  if (drain_.complete()) {
    TOCSIN_LOG(log_, kInfo, "app", "stopped", {"drained", true});
  } else {
    TOCSIN_LOG(log_, kWarning, "app", "stopped", {"drained", false});
  }
  if (estate_.has_store() && !drain_.store_stopped()) stop_at_once(0);
  take_down();
  let_go_of_plugins();
  wait_for_construction();
  return true;
}

void Gateway::serve_first(Result<void> installed) {
  if (!installed) {
    TOCSIN_LOG(log_, kCritical, "app", "could not start", {"error", installed.error().text()});
    stop_at_once(1);
  }
  if (estate_.has_store()) estate_.storage().serve();
  if (drain_.begun()) return;
  if (estate_.has_store()) begin_with_store(*first_);
  admin_.serve(*first_, admin_parts());
  reloader_.began(*first_);
  readiness_.set(admin::Readiness::State::kReady);
  for (const ListenerSet::Shown& listener : listeners_.shown()) {
    TOCSIN_LOG(log_, kInfo, "app", "listening", {"listener", listener.name},
               {"address", listener.address.text()});
  }
  TOCSIN_LOG(log_, kInfo, "app", "ready", {"version", version()}, {"workers", workers_wanted_},
             {"admin", admin_.address().text()},
             {"startup_ms", SystemClock::instance().mono() - arguments_.process_started});
  first_.reset();
  const std::vector<std::string> unused = arguments_.inherited.close_rest();
  for (const std::string& socket : unused) {
    TOCSIN_LOG(log_, kWarning, "app", "an inherited socket is no listener's", {"socket", socket});
  }
  if (arguments_.predecessor) {
    arguments_.predecessor->tell_ready(unused, control_, [this](std::optional<std::string> lanes) {
      if (lanes) return lane_handover_.take(*lanes);
      lane_handover_.nobody();
    });
  }
  arguments_.supervisor.ready("serving");
  keep_supervisor_informed();
}

void Gateway::keep_supervisor_informed() {
  const auto every = arguments_.supervisor.alive_every();
  if (!every) return;
  arguments_.supervisor.alive();
  supervisor_timer_.arm_after(*every);
}

// Whoever looks at the store, and the audit that is also kept there.
void Gateway::begin_with_store(const Snapshot& snapshot) {
  overload_watch_.watch(&estate_.storage().front());
  control_part_->suppressions().keep_fresh();
  store_gauges_ = std::make_unique<delivery::StoreGauges>(control_, estate_.storage().storage(),
                                                          *pool_, metrics_);
  const Duration keep = snapshot.settings().at("admin").at("audit").duration("keep");
  store_audit_.emplace(audit_, control_part_->records(), control_.clock(), log_, metrics_,
                       admin::StoreAudit::Options{.keep = keep, .tag = std::random_device()()});
}

admin::AdminParts Gateway::admin_parts() {
  admin::AuditSink* audit = &audit_;
  if (store_audit_) audit = &*store_audit_;
  admin::AdminParts parts{.readiness = readiness_,
                          .metrics = metrics_,
                          .pool = *pool_,
                          .audit = *audit,
                          .tokens = {},
                          .loops = &watchdog_,
                          .overload = &estate_.overload(),
                          .config = &reloader_,
                          .upgrade = &upgrade_,
                          .version = version()};
  if (estate_.has_store()) {
    parts.ledger = &control_part_->ledger();
    parts.records = &control_part_->records();
    parts.suppressions = &control_part_->suppressions();
    parts.emit = &control_part_->emit();
    parts.outputs = &lane_states_;
  }
  return parts;
}

void Gateway::adopt(const Snapshot& snapshot) {
  if (estate_.has_store() && !store_audit_) {
    begin_with_store(snapshot);
    admin_.serve_by(snapshot, admin_parts());
  }
  admin_.adopt(snapshot);
  watchdog_.set_abort_after(watchdog_abort(snapshot.settings()));
  estate_.overload().set_limits(overload_limits(snapshot.settings()));
  estate_.adopt(snapshot.settings());
  if (store_audit_) {
    store_audit_->set_keep(snapshot.settings().at("admin").at("audit").duration("keep"));
  }
  const Value& log = snapshot.settings().at("gateway").at("log");
  if (const auto level = telemetry::parse_log_level(log.string("level"))) log_.set_level(*level);
}

void Gateway::reload_on_signal() {
  // Neither may the service manager hear that this is ready.
  if (drain_.begun() || swap_.current() == nullptr) return too_late_for("SIGHUP");
  TOCSIN_LOG(log_, kInfo, "app", "reloading", {"signal", "SIGHUP"});
  arguments_.supervisor.reloading();
  reloader_.reload_afterwards([this](const admin::ReloadOutcome& outcome) {
    const bool refused = outcome.kind == admin::ReloadOutcome::Kind::kRefused;
    arguments_.supervisor.ready(refused ? "serving; the last reload was refused" : "serving");
  });
}

void Gateway::too_late_for(std::string_view signal) {
  TOCSIN_LOG(log_, kWarning, "app", drain_.begun() ? "not while it stops" : "not before it serves",
             {"signal", signal});
}

void Gateway::reopen_logs() {
  const Result<void> own = log_.reopen();
  const Result<void> others = access_logs_.reopen();
  const Error* failed = !own ? &own.error() : nullptr;
  if (failed == nullptr && !others) failed = &others.error();
  if (failed != nullptr) {
    TOCSIN_LOG(log_, kError, "app", "a log could not be opened again", {"error", failed->text()});
    return;
  }
  TOCSIN_LOG(log_, kInfo, "app", "logs opened again", {"signal", "SIGUSR1"});
}

void Gateway::watch_logs() {
  access_logs_.complain(log_, control_.now());
  log_watch_.arm_after(kLogWatch);
}

void Gateway::upgrade() {
  if (drain_.begun() || swap_.current() == nullptr) return too_late_for("SIGUSR2");
  upgrade_.begin(swap_.current()->settings().at("gateway").duration("upgrade_timeout"));
}

void Gateway::drain(std::string_view why) {
  if (drain_.begun() || swap_.current() == nullptr) {
    TOCSIN_LOG(log_, kWarning, "app",
               drain_.begun() ? "second signal: stopping at once" : "stopping before it served",
               {"signal", why}, {"connections", listeners_.open_connections()});
    control_.stop();
    return;
  }
  begin_drain(why, Duration::zero());
}

void Gateway::begin_drain(std::string_view why, Duration idle_patience) {
  upgrade_.stop();
  swap_.stop();
  reloader_.stop();
  readiness_.set(admin::Readiness::State::kDraining);
  arguments_.supervisor.stopping("draining");
  const Duration grace = swap_.current()->shutdown_grace();
  TOCSIN_LOG(log_, kInfo, "app", "draining", {"signal", why},
             {"connections", listeners_.open_connections()}, {"grace_ms", grace});
  drain_.begin(grace, idle_patience);
}

// Instances and the store end on the construction thread, which may be left behind; with this
// object they would end while it waits for them.
void Gateway::let_go_of_plugins() {
  store_audit_.reset();
  control_part_.reset();
  first_.reset();
  first_store_.reset();
  swap_.forget();
  if (estate_.has_store()) estate_.give_up_store();
}

// A plugin that hangs in a reload, or while it is destroyed, must not keep the process for ever.
void Gateway::wait_for_construction() {
  if (construction_.rests_within(kConstructionPatience)) return;
  const auto call = calls_.look();
  TOCSIN_LOG(log_, kError, "app", "stopped without a plugin that does not return",
             {"id", call ? call->instance : ""}, {"inside", call ? call->what : ""});
  access_logs_.flush(std::chrono::seconds(1));
  stop_at_once(0);
}

// Nothing that was promised is lost: the store is what a crash would leave.
void Gateway::stop_at_once(int exit_code) {
  log_.flush(std::chrono::seconds(1));
  std::_Exit(exit_code);
}

}  // namespace tocsin::app
