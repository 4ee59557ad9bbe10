#include "gateway/app/gateway.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <numeric>
#include <random>
#include <thread>
#include <utility>

#include "gateway/app/command_version.h"
#include "gateway/app/open_crash_map.h"
#include "gateway/delivery/outbox_front.h"
#include "gateway/event/signal_watch.h"

namespace tocsin::app {

namespace {

constexpr std::size_t kOffloadThreads = 2;
constexpr std::size_t kOffloadQueueMax = 64;
constexpr Duration kDrainPoll = std::chrono::milliseconds(10);
constexpr Duration kLogWatch = std::chrono::seconds(2);
constexpr Duration kStoreTry = delivery::OutboxFront::kRetryEvery + std::chrono::seconds(1);
constexpr Duration kSettleGrace = std::chrono::seconds(2);
// For clients that are just sending on a connection that looked idle.
constexpr Duration kIdlePatience = std::chrono::seconds(5);

std::optional<Duration> watchdog_abort(const Value& settings) {
  const Value& limit = settings.at("gateway").at("watchdog_abort");
  return limit.is<Duration>() ? std::optional(limit.as<Duration>()) : std::nullopt;
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
      crash_map_(open_crash_map(config.root, workers_wanted_ + 2, log)),
      watchdog_(*crash_map_, log, metrics_),
      pool_(std::in_place, kOffloadThreads, kOffloadQueueMax),
      estate_({.log = log,
               .metrics = metrics_,
               .pool = *pool_,
               .workers = workers_wanted_,
               .storage_shard = workers_wanted_ + 1,
               .crash_map = *crash_map_,
               .join_store = arguments_.predecessor.has_value()}),
      listeners_(metrics_, workers_wanted_, arguments_.inherited),
      loops_(control_),
      swap_(loops_, listeners_),
      lane_states_(loops_, swap_, estate_),
      admin_(control_, metrics_, arguments_.inherited),
      reloader_({.control = control_,
                 .estate = estate_,
                 .swap = swap_,
                 .listeners = listeners_,
                 .access_logs = access_logs_,
                 .log = log,
                 .metrics = metrics_,
                 .path = arguments_.config_path,
                 .environment = arguments_.environment,
                 .adopt = [this](const Snapshot& snapshot) { adopt(snapshot); },
                 .may_adopt = [this](const Snapshot& snapshot) { return admin_.plan(snapshot); }}),
      upgrade_({.control = control_,
                .loops = loops_,
                .listeners = listeners_,
                .admin = admin_,
                .log = log,
                .command = arguments_.command,
                .replaced =
                    [this](pid_t pid) {
                      arguments_.supervisor.main_process(pid);
                      admin_.retire();
                      begin_drain("replaced", kIdlePatience);
                    }}),
      drain_poll_(control_.timers(), [this] { watch_drain(); }),
      log_watch_(control_.timers(), [this] { watch_logs(); }),
      supervisor_timer_(control_.timers(), [this] { keep_supervisor_informed(); }),
      heap_trim_(control_) {
  callbacks_ = telemetry::declare_process_metrics(metrics_, version());
  for (auto& callback : telemetry::declare_log_metrics(metrics_, "main", log_)) {
    callbacks_.push_back(std::move(callback));
  }
}

Gateway::~Gateway() { take_down(); }

// Servers before what they serve, the pool before the loops it posts to and the store it reads,
// lanes and plugins before both.
void Gateway::take_down() {
  watchdog_.stop();
  admin_.close();
  for (const auto& worker : workers_) worker->stop();
  pool_.reset();
  store_gauges_.reset();
  if (control_part_ != nullptr) control_part_->finish();
  workers_.clear();
}

config::Diagnostics Gateway::open(config::LoadedConfig config, const PluginCatalog& catalog) {
  const Value root = config.root;  // the snapshot takes the rest
  auto made = Snapshot::make(1, std::move(config), catalog, nullptr, estate_);
  if (!made) return std::move(made.error());
  first_ = std::move(*made);
  config::Diagnostics faults = open_access_logs();
  for (config::Diagnostics more : {listeners_.plan(*first_), admin_.plan(*first_)}) {
    faults.insert(faults.end(), more.begin(), more.end());
  }
  // The store last: it is taken over from a gateway that still runs only by mistake.
  if (faults.empty()) faults = estate_.open(root, catalog);
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

// Every loop's way to the outbox is made before any of the loops runs.
void Gateway::make_workers() {
  callbacks_.reserve(callbacks_.size() + workers_wanted_);
  for (std::size_t i = 0; i < workers_wanted_; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, metrics_, estate_, access_logs_));
    loops_.add(workers_.back()->estate());
    event::Loop* loop = &workers_.back()->loop();
    watchdog_.watch(*loop);
    callbacks_.push_back(metrics_.callback(
        telemetry::MetricType::kGauge, "tocsin_loop_lag_seconds",
        "The longest time since the last scrape that a loop kept events waiting.",
        {{"loop", loop->name()}},
        [loop] { return std::chrono::duration<double>(loop->take_max_lag()).count(); }));
  }
  control_part_ =
      std::make_unique<LoopEstate>(estate_, access_logs_, control_, LoopEstate::kNoHome);
  loops_.add(*control_part_);
}

Result<void> Gateway::start_loops() {
  if (estate_.has_store()) {
    store_gauges_ = std::make_unique<delivery::StoreGauges>(control_, estate_.storage().storage(),
                                                            *pool_, metrics_);
    estate_.storage().serve();
  }
  TOCSIN_TRY(control_part_->open());
  for (const auto& worker : workers_) TOCSIN_TRY(worker->start());
  return {};
}

bool Gateway::run() {
  const telemetry::ShardClaim claim(metrics_, control_.shard());
  const event::SignalWatch terminate(control_, SIGTERM, [this] { drain("SIGTERM"); });
  const event::SignalWatch interrupt(control_, SIGINT, [this] { drain("SIGINT"); });
  const event::SignalWatch quit(control_, SIGQUIT, [this] { drain("SIGQUIT"); });
  const event::SignalWatch hang_up(control_, SIGHUP, [this] { reload_on_signal(); });
  const event::SignalWatch rotate(control_, SIGUSR1, [this] { reopen_logs(); });
  const event::SignalWatch replace(control_, SIGUSR2, [this] { upgrade(); });
  report_crashes();
  make_workers();
  log_watch_.arm_after(kLogWatch);
  watchdog_.watch(control_);
  watchdog_.set_abort_after(watchdog_abort(first_->settings()));
  watchdog_.start();
  const Result<void> started = start_loops();
  if (started) {
    swap_.install(first_, [this](Result<void> done) { serve_first(std::move(done)); });
  } else {
    serve_first(started);
  }
  control_.run();
  if (drained_) {
    TOCSIN_LOG(log_, kInfo, "app", "stopped", {"drained", true});
  } else {
    TOCSIN_LOG(log_, kWarning, "app", "stopped", {"drained", false});
  }
  if (estate_.has_store() && !store_stopped_) stop_at_once(0);
  take_down();
  return true;
}

void Gateway::serve_first(Result<void> installed) {
  if (!installed) {
    TOCSIN_LOG(log_, kCritical, "app", "could not start", {"error", installed.error().text()});
    stop_at_once(1);
  }
  if (draining_) return;
  serve_admin();
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
  for (const std::string& socket : arguments_.inherited.close_rest()) {
    TOCSIN_LOG(log_, kWarning, "app", "an inherited socket is no listener's", {"socket", socket});
  }
  if (arguments_.predecessor) arguments_.predecessor->tell_ready();
  arguments_.supervisor.ready("serving");
  keep_supervisor_informed();
}

void Gateway::keep_supervisor_informed() {
  const auto every = arguments_.supervisor.alive_every();
  if (!every) return;
  arguments_.supervisor.alive();
  supervisor_timer_.arm_after(*every);
}

// The log, and the store when there is one.
admin::AuditSink& Gateway::open_audit() {
  if (!estate_.has_store()) return audit_;
  const Duration keep = first_->settings().at("admin").at("audit").duration("keep");
  store_audit_.emplace(audit_, control_part_->records(), control_.clock(), log_, metrics_,
                       admin::StoreAudit::Options{.keep = keep, .tag = std::random_device()()});
  return *store_audit_;
}

void Gateway::serve_admin() {
  admin::AdminParts parts{.readiness = readiness_,
                          .metrics = metrics_,
                          .pool = *pool_,
                          .audit = open_audit(),
                          .tokens = {},
                          .loops = &watchdog_,
                          .config = &reloader_};
  if (estate_.has_store()) {
    parts.ledger = &control_part_->ledger();
    parts.records = &control_part_->records();
    parts.suppressions = &control_part_->suppressions();
    control_part_->suppressions().keep_fresh();
    parts.emit = &control_part_->emit();
    parts.outputs = &lane_states_;
  }
  admin_.serve(*first_, std::move(parts));
}

void Gateway::adopt(const Snapshot& snapshot) {
  admin_.adopt(snapshot);
  watchdog_.set_abort_after(watchdog_abort(snapshot.settings()));
  estate_.adopt(snapshot.settings());
  if (store_audit_) {
    store_audit_->set_keep(snapshot.settings().at("admin").at("audit").duration("keep"));
  }
  const Value& log = snapshot.settings().at("gateway").at("log");
  if (const auto level = telemetry::parse_log_level(log.string("level"))) log_.set_level(*level);
}

void Gateway::report_crashes() const {
  for (const plugin::CrashFinding& one : crash_map_->found()) {
    TOCSIN_LOG(log_, kError, "app", "the last process crashed inside a plugin",
               {"plugin", one.plugin}, {"id", one.id}, {"signal", one.signal},
               {"deliveries", one.deliveries.size()});
  }
  for (const plugin::CrashFinding& one : crash_map_->suspects(control_.wall())) {
    TOCSIN_LOG(log_, kError, "app", "a plugin is suspected of crashing the gateway",
               {"plugin", one.plugin}, {"id", one.id},
               {"quarantine_ms", plugin::CrashMap::kSuspectWindow});
  }
}

void Gateway::reload_on_signal() {
  TOCSIN_LOG(log_, kInfo, "app", "reloading", {"signal", "SIGHUP"});
  arguments_.supervisor.reloading();
  reloader_.reload([this](const admin::ReloadOutcome& outcome) {
    const bool refused = outcome.kind == admin::ReloadOutcome::Kind::kRefused;
    arguments_.supervisor.ready(refused ? "serving; the last reload was refused" : "serving");
  });
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
  if (draining_ || swap_.current() == nullptr) return;
  upgrade_.begin(swap_.current()->settings().at("gateway").duration("upgrade_timeout"));
}

void Gateway::drain(std::string_view why) {
  if (draining_ || swap_.current() == nullptr) {
    TOCSIN_LOG(log_, kWarning, "app",
               draining_ ? "second signal: stopping at once" : "stopping before it served",
               {"signal", why}, {"connections", listeners_.open_connections()});
    control_.stop();
    return;
  }
  begin_drain(why, Duration::zero());
}

void Gateway::begin_drain(std::string_view why, Duration idle_patience) {
  draining_ = true;
  upgrade_.stop();
  swap_.stop();
  reloader_.stop();
  readiness_.set(admin::Readiness::State::kDraining);
  arguments_.supervisor.stopping("draining");
  const Duration grace = swap_.current()->shutdown_grace();
  TOCSIN_LOG(log_, kInfo, "app", "draining", {"signal", why},
             {"connections", listeners_.open_connections()}, {"grace_ms", grace});
  drain_until_ = control_.now() + grace;
  idle_until_ = control_.now() + std::min(idle_patience, grace / 2);
  loops_.each(
      [grace](std::size_t, LoopEstate& loop, LoopGroup::Answer answer) {
        loop.retire_servers();
        loop.drain_lanes(grace, [told = std::move(answer)]() mutable { told({}); });
      },
      [this](const Result<void>&) { lanes_drained_ = true; });
  if (idle_patience == Duration::zero()) drain_servers();
  drain_poll_.arm_after(Duration::zero());
}

void Gateway::drain_servers() {
  servers_drained_ = true;
  loops_.each_at_once(
      [](std::size_t, LoopEstate& loop) -> Result<void> {
        loop.drain_servers();
        return {};
      },
      [](const Result<void>&) {});
}

void Gateway::watch_drain() {
  const std::size_t left = listeners_.open_connections();
  if (!servers_drained_ && control_.now() >= idle_until_) drain_servers();
  // Attempts are cut when the grace is over; what they came to is then still to be written.
  const bool late = control_.now() >= drain_until_;
  const bool too_late = control_.now() >= drain_until_ + kSettleGrace;
  const bool in_vain = ends_in_vain();
  const bool waiting = (left > 0 && !late) || (!lanes_drained_ && !too_late && !in_vain);
  if (waiting) {
    drain_poll_.arm_after(kDrainPoll);
    return;
  }
  drained_ = left == 0 && lanes_drained_;
  if (left > 0) {
    TOCSIN_LOG(log_, kWarning, "app", "the grace is over: connections are cut",
               {"connections", left});
  }
  if (!lanes_drained_) {
    TOCSIN_LOG(log_, kWarning, "app",
               in_vain ? "the store is down, so nothing can be settled: the next start takes the "
                         "deliveries over"
                       : "deliveries could not be given back to the store: the next start takes "
                         "them over");
  }
  stop_store();
}

// A store that is down takes no verdict. It is granted one more try; then there is nothing left to
// wait for but attempts under way, which the end of the grace cuts.
bool Gateway::ends_in_vain() {
  if (lanes_drained_ || control_part_->store_up()) {
    store_down_since_.reset();
    return false;
  }
  const MonoTime now = control_.now();
  if (!store_down_since_) store_down_since_ = now;
  if (now >= drain_until_) return true;
  if (!attempts_over_) look_at_attempts();
  return attempts_over_ && now - *store_down_since_ > kStoreTry;
}

// None begins any more, so that none is under way for good.
void Gateway::look_at_attempts() {
  if (std::exchange(looking_at_attempts_, true)) return;
  auto found = std::make_shared<std::vector<std::size_t>>(loops_.size());
  loops_.each_at_once(
      [found](std::size_t index, LoopEstate& loop) -> Result<void> {
        for (const delivery::Lane* lane : loop.lanes().all()) (*found)[index] += lane->attempts();
        return {};
      },
      [this, found](const Result<void>&) {
        looking_at_attempts_ = false;
        attempts_over_ = std::accumulate(found->begin(), found->end(), std::size_t{0}) == 0;
      });
}

// Requests still wait for their commit while connections drain, so the store goes last. What the
// audit asked of it is on its way by the end of this tick, and answered before the store stops.
void Gateway::stop_store() {
  if (!estate_.has_store() || !lanes_drained_) return control_.stop();
  if (store_audit_) store_audit_->close();
  control_part_->suppressions().stop();
  control_.post([this] {
    estate_.storage().stop(control_, [this] {
      store_stopped_ = true;
      control_.stop();
    });
  });
}

// Nothing that was promised is lost: the store is what a crash would leave.
void Gateway::stop_at_once(int exit_code) {
  log_.flush(std::chrono::seconds(1));
  std::_Exit(exit_code);
}

}  // namespace tocsin::app
