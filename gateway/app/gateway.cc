#include "gateway/app/gateway.h"

#include <csignal>
#include <cstdlib>
#include <thread>

#include "gateway/app/command_version.h"
#include "gateway/event/signal_watch.h"

namespace tocsin::app {

namespace {

constexpr std::size_t kOffloadThreads = 2;
constexpr std::size_t kOffloadQueueMax = 64;
constexpr Duration kDrainPoll = std::chrono::milliseconds(10);
constexpr Duration kSettleGrace = std::chrono::seconds(2);

std::size_t wanted_workers(const Value& settings) {
  const Value& workers = settings.at("gateway").at("workers");
  if (workers.is<std::int64_t>()) return static_cast<std::size_t>(workers.as<std::int64_t>());
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

Gateway::Gateway(Arguments arguments, const config::LoadedConfig& config, telemetry::Log& log)
    : arguments_(std::move(arguments)),
      log_(log),
      audit_(log),
      workers_wanted_(wanted_workers(config.root)),
      metrics_(workers_wanted_ + 2),  // the control loop and the storage
      access_logs_(metrics_),
      control_({.name = "control", .shard = workers_wanted_}),
      pool_(std::in_place, kOffloadThreads, kOffloadQueueMax),
      estate_({.log = log,
               .metrics = metrics_,
               .pool = *pool_,
               .workers = workers_wanted_,
               .storage_shard = workers_wanted_ + 1}),
      listeners_(metrics_, workers_wanted_),
      loops_(control_),
      swap_(loops_, listeners_),
      lane_states_(loops_, swap_),
      admin_(control_, metrics_),
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
      drain_poll_(control_.timers(), [this] { watch_drain(); }),
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
  make_workers();
  const Result<void> started = start_loops();
  if (started) {
    swap_.install(first_, [this](Result<void> done) { serve_first(std::move(done)); });
  } else {
    serve_first(started);
  }
  control_.run();
  TOCSIN_LOG(log_, kInfo, "app", "stopped", {"drained", drained_});
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
}

void Gateway::serve_admin() {
  admin::AdminParts parts{.readiness = readiness_,
                          .metrics = metrics_,
                          .pool = *pool_,
                          .audit = audit_,
                          .tokens = {},
                          .config = &reloader_};
  if (estate_.has_store()) {
    parts.ledger = &control_part_->ledger();
    parts.emit = &control_part_->emit();
    parts.outputs = &lane_states_;
  }
  admin_.serve(*first_, std::move(parts));
}

void Gateway::adopt(const Snapshot& snapshot) {
  admin_.adopt(snapshot);
  const Value& log = snapshot.settings().at("gateway").at("log");
  if (const auto level = telemetry::parse_log_level(log.string("level"))) log_.set_level(*level);
}

void Gateway::reload_on_signal() {
  TOCSIN_LOG(log_, kInfo, "app", "reloading", {"signal", "SIGHUP"});
  reloader_.reload([](const admin::ReloadOutcome&) {});  // the log tells
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

void Gateway::drain(std::string_view why) {
  if (draining_ || swap_.current() == nullptr) {
    TOCSIN_LOG(log_, kWarning, "app",
               draining_ ? "second signal: stopping at once" : "stopping before it served",
               {"signal", why}, {"connections", listeners_.open_connections()});
    control_.stop();
    return;
  }
  draining_ = true;
  swap_.stop();
  reloader_.stop();
  readiness_.set(admin::Readiness::State::kDraining);
  const Duration grace = swap_.current()->shutdown_grace();
  TOCSIN_LOG(log_, kInfo, "app", "draining", {"signal", why},
             {"connections", listeners_.open_connections()}, {"grace_ms", grace});
  drain_until_ = control_.now() + grace;
  loops_.each(
      [grace](std::size_t, LoopEstate& loop, LoopGroup::Answer answer) {
        loop.drain_servers();
        loop.drain_lanes(grace, [told = std::move(answer)]() mutable { told({}); });
      },
      [this](const Result<void>&) { lanes_drained_ = true; });
  drain_poll_.arm_after(Duration::zero());
}

void Gateway::watch_drain() {
  const std::size_t left = listeners_.open_connections();
  // Attempts are cut when the grace is over; what they came to is then still to be written.
  const bool late = control_.now() >= drain_until_;
  const bool too_late = control_.now() >= drain_until_ + kSettleGrace;
  const bool waiting = (left > 0 && !late) || (!lanes_drained_ && !too_late);
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
               "deliveries could not be given back to the store: the next start takes them over");
  }
  stop_store();
}

// Requests still wait for their commit while connections drain, so the store goes last.
void Gateway::stop_store() {
  if (!estate_.has_store() || !lanes_drained_) return control_.stop();
  estate_.storage().stop(control_, [this] {
    store_stopped_ = true;
    control_.stop();
  });
}

// Nothing that was promised is lost: the store is what a crash would leave.
void Gateway::stop_at_once(int exit_code) {
  log_.flush(std::chrono::seconds(1));
  std::_Exit(exit_code);
}

}  // namespace tocsin::app
