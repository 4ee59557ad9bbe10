#include "gateway/app/gateway.h"

#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "gateway/app/build_admin.h"
#include "gateway/app/build_listener.h"
#include "gateway/app/command_version.h"

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

config::Diagnostic fault_at(const Value& value, std::string path, const Error& error) {
  config::Diagnostic fault;
  fault.place = value.place();
  fault.path = std::move(path);
  fault.message = error.text();
  return fault;
}

}  // namespace

Gateway::Gateway(const Value& settings, const PluginCatalog& catalog, telemetry::Log& log,
                 MonoTime process_started)
    : settings_(settings),
      log_(log),
      audit_(log),
      process_started_(process_started),
      workers_wanted_(wanted_workers(settings)),
      metrics_(workers_wanted_ + 2),  // the control loop and the storage
      access_logs_(metrics_),
      control_({.name = "control", .shard = workers_wanted_}),
      pool_(std::in_place, kOffloadThreads, kOffloadQueueMax),
      notifications_(settings, catalog,
                     {.log = log,
                      .metrics = metrics_,
                      .pool = *pool_,
                      .workers = workers_wanted_,
                      .storage_shard = workers_wanted_ + 1}),
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
  admin_.reset();
  for (const auto& worker : workers_) worker->stop();
  pool_.reset();
  store_gauges_.reset();
  if (control_part_ != nullptr) control_part_->finish();
  workers_.clear();
}

config::Diagnostics Gateway::open() {
  config::Diagnostics faults;
  open_access_logs(faults);
  for (const Value::Entry& entry : settings_.at("listeners").as<Value::Map>()) {
    open_listener(entry, faults);
  }
  open_admin(faults);
  // The store last: it is taken over from a gateway that still runs only by mistake.
  if (faults.empty()) faults = notifications_.open();
  return faults;
}

void Gateway::open_access_logs(config::Diagnostics& faults) {
  for (const auto& [path, place] : access_log_paths(settings_)) {
    const Result<void> opened = access_logs_.open(path);
    if (!opened) faults.push_back({place, "access_log.path", opened.error().text(), {}, false});
  }
}

void Gateway::open_listener(const Value::Entry& entry, config::Diagnostics& faults) {
  const Value& written = entry.value.at("address");
  const std::string path = "listeners." + entry.key + ".address";
  auto address = event::Address::parse(written.as<std::string>());
  if (!address) {
    faults.push_back(fault_at(written, path, address.error()));
    return;
  }
  Listener listener{entry.key, &entry.value, *address, {}, nullptr};
  const event::ListenOptions options{.backlog = static_cast<int>(entry.value.integer("backlog"))};
  for (std::size_t i = 0; i < workers_wanted_; ++i) {
    auto socket = event::ListeningSocket::open(*address, options);
    if (!socket) {
      faults.push_back(fault_at(written, path, socket.error()));
      return;
    }
    *address = socket->address();  // port 0: the others join the port the first one got
    listener.sockets.push_back(std::move(*socket));
  }
  listener.address = *address;
  const Value& limits = entry.value.at("limits");
  listener.shared = std::make_unique<http::ServerShared>(
      limit_or_zero(limits, "connections_max"), limit_or_zero(limits, "connections_per_ip_max"),
      metrics_, entry.key);
  http::ServerShared* shared = listener.shared.get();
  callbacks_.push_back(metrics_.callback(
      telemetry::MetricType::kGauge, "tocsin_http_connections", "Connections open now.",
      {{"listener", entry.key}}, [shared] { return static_cast<double>(shared->caps.open()); }));
  listeners_.push_back(std::move(listener));
}

void Gateway::open_admin(config::Diagnostics& faults) {
  const Value& written = settings_.at("admin").at("address");
  auto address = event::Address::parse(written.as<std::string>());
  if (!address) {
    faults.push_back(fault_at(written, "admin.address", address.error()));
    return;
  }
  auto socket = event::ListeningSocket::open(*address, {.reuse_port = false});
  if (!socket) {
    faults.push_back(fault_at(written, "admin.address", socket.error()));
    return;
  }
  admin_socket_ = std::move(*socket);
}

void Gateway::make_workers() {
  workers_.reserve(workers_wanted_);
  callbacks_.reserve(callbacks_.size() + workers_wanted_);
  Notifications* notifications = notifications_.configured() ? &notifications_ : nullptr;
  for (std::size_t i = 0; i < workers_wanted_; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, metrics_, access_logs_, notifications));
    event::Loop* loop = &workers_.back()->loop();
    callbacks_.push_back(metrics_.callback(
        telemetry::MetricType::kGauge, "tocsin_loop_lag_seconds",
        "The longest time since the last scrape that a loop kept events waiting.",
        {{"loop", loop->name()}},
        [loop] { return std::chrono::duration<double>(loop->take_max_lag()).count(); }));
  }
}

// Every loop's way to the outbox is made before any of the loops runs.
Result<void> Gateway::start_notifications() {
  if (!notifications_.configured()) return {};
  control_part_ = std::make_unique<LoopNotifications>(notifications_, control_, blocks_,
                                                      LoopNotifications::kNoHome);
  doors_.resize(notifications_.outputs().size());
  for (const auto& worker : workers_) worker->notifications()->add_doors(doors_);
  lane_states_ = std::make_unique<LaneStates>(control_, workers_, notifications_);
  store_gauges_ = std::make_unique<delivery::StoreGauges>(
      control_, notifications_.storage().storage(), *pool_, metrics_);
  notifications_.storage().serve();
  return control_part_->start(doors_);
}

Result<void> Gateway::start_workers() {
  for (std::size_t i = 0; i < workers_wanted_; ++i) {
    std::vector<ListenerPart> parts;
    parts.reserve(listeners_.size());
    for (Listener& listener : listeners_) {
      parts.push_back({listener.name, listener.settings, std::move(listener.sockets[i]),
                       listener.shared.get()});
    }
    TOCSIN_TRY(workers_[i]->start(std::move(parts), doors_));
  }
  return {};
}

// The log, and the store when there is one.
admin::AuditSink& Gateway::audit() {
  if (control_part_ == nullptr) return audit_;
  const Duration keep = settings_.at("admin").at("audit").duration("keep");
  store_audit_.emplace(audit_, control_part_->records(), control_.clock(), log_, metrics_,
                       admin::StoreAudit::Options{.keep = keep, .tag = std::random_device()()});
  return *store_audit_;
}

void Gateway::serve_admin() {
  admin::AdminParts parts{.readiness = readiness_,
                          .metrics = metrics_,
                          .pool = *pool_,
                          .audit = audit(),
                          .tokens = admin_tokens(settings_.at("admin"))};
  if (control_part_ != nullptr) {
    parts.records = &control_part_->records();
    parts.ledger = &control_part_->ledger();
    parts.emit = &control_part_->emit();
    parts.outputs = lane_states_.get();
  }
  admin_shared_ = std::make_unique<http::ServerShared>(0, 0, metrics_, "admin");
  admin_ = std::make_unique<http::Server>(control_, std::move(*admin_socket_),
                                          http::ServerOptions{}, *admin_shared_, blocks_,
                                          std::make_shared<admin::AdminRoutes>(std::move(parts)));
}

bool Gateway::run() {
  const telemetry::ShardClaim claim(metrics_, control_.shard());
  const event::SignalWatch terminate(control_, SIGTERM, [this] { on_signal("SIGTERM"); });
  const event::SignalWatch interrupt(control_, SIGINT, [this] { on_signal("SIGINT"); });
  const event::SignalWatch quit(control_, SIGQUIT, [this] { on_signal("SIGQUIT"); });
  make_workers();
  Result<void> started = start_notifications();
  if (started) started = start_workers();
  if (!started) {
    TOCSIN_LOG(log_, kCritical, "app", "could not start", {"error", started.error().text()});
    stop_at_once(1);
  }
  serve_admin();
  readiness_.set(admin::Readiness::State::kReady);
  for (const Listener& listener : listeners_) {
    TOCSIN_LOG(log_, kInfo, "app", "listening", {"listener", listener.name},
               {"address", listener.address.text()});
  }
  TOCSIN_LOG(log_, kInfo, "app", "ready", {"version", version()}, {"workers", workers_wanted_},
             {"admin", admin_->address().text()},
             {"startup_ms", SystemClock::instance().mono() - process_started_});
  control_.run();
  TOCSIN_LOG(log_, kInfo, "app", "stopped", {"drained", drained_});
  if (notifications_.configured() && !store_stopped_) stop_at_once(0);
  take_down();
  return true;
}

void Gateway::on_signal(std::string_view name) {
  if (draining_) {
    TOCSIN_LOG(log_, kWarning, "app", "second signal: stopping at once", {"signal", name},
               {"connections", open_connections()});
    control_.stop();
    return;
  }
  draining_ = true;
  readiness_.set(admin::Readiness::State::kDraining);
  const Duration grace = settings_.at("gateway").duration("shutdown_grace");
  TOCSIN_LOG(log_, kInfo, "app", "draining", {"signal", name}, {"connections", open_connections()},
             {"grace_ms", grace});
  drain_until_ = control_.now() + grace;
  for (const auto& worker : workers_) worker->drain();
  if (notifications_.configured()) {
    lanes_draining_ = workers_.size();
    for (const auto& worker : workers_) {
      worker->drain_lanes(grace, [this] { control_.post([this] { --lanes_draining_; }); });
    }
  }
  drain_poll_.arm_after(Duration::zero());
}

void Gateway::watch_drain() {
  const std::size_t left = open_connections();
  // Attempts are cut when the grace is over; what they came to is then still to be written.
  const bool late = control_.now() >= drain_until_;
  const bool too_late = control_.now() >= drain_until_ + kSettleGrace;
  const bool waiting = (left > 0 && !late) || (lanes_draining_ > 0 && !too_late);
  if (waiting) {
    drain_poll_.arm_after(kDrainPoll);
    return;
  }
  drained_ = left == 0 && lanes_draining_ == 0;
  if (left > 0) {
    TOCSIN_LOG(log_, kWarning, "app", "the grace is over: connections are cut",
               {"connections", left});
  }
  if (lanes_draining_ > 0) {
    TOCSIN_LOG(log_, kWarning, "app",
               "deliveries could not be given back to the store: the next start takes them over");
  }
  stop_store();
}

// Requests still wait for their commit while connections drain, so the store goes last. What the
// audit asked of it is on its way by the end of this tick, and answered before the store stops.
void Gateway::stop_store() {
  if (!notifications_.configured() || lanes_draining_ > 0) return control_.stop();
  if (store_audit_) store_audit_->close();
  control_.post([this] {
    notifications_.storage().stop(control_, [this] {
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

std::size_t Gateway::open_connections() const {
  std::size_t open = 0;
  for (const Listener& listener : listeners_) open += listener.shared->caps.open();
  return open;
}

}  // namespace tocsin::app
