#include "gateway/app/loop_estate.h"

#include <algorithm>
#include <utility>

#include "gateway/app/build_listener.h"
#include "gateway/base/assert.h"

namespace tocsin::app {

LoopEstate::LoopEstate(Estate& shared, AccessLogs& logs, event::Loop& loop, std::size_t home)
    : shared_(shared),
      access_logs_(logs),
      loop_(loop),
      home_(home),
      notices_(emit_, shared.log()),
      servers_(loop, pool_),
      retire_look_(loop.timers(), [this] { look_at_retiring(); }) {}

LoopEstate::~LoopEstate() = default;

void LoopEstate::open() { logs_ = std::make_unique<LoopAccessLogs>(loop_, access_logs_); }

Result<void> LoopEstate::open_store(std::unique_ptr<delivery::OutboxPort> port) {
  TOCSIN_ASSERT(!has_store(), "a loop was given a second store");
  TOCSIN_TRY(open_client());
  port_ = std::move(port);
  stage::Storage& storage = shared_.storage().storage();
  ledger_ = std::make_unique<delivery::OutboxLedger>(*port_, storage, shared_.pool());
  records_ = std::make_unique<delivery::OutboxRecords>(*port_, storage, shared_.pool());
  suppressions_ = std::make_unique<delivery::Suppressions>(shared_.suppressions(), *records_, loop_,
                                                           shared_.log());
  reports_ = std::make_unique<delivery::OutboxReports>(delivery::OutboxReports::Surroundings{
      *port_, *ledger_, notices_, shared_.metrics(), shared_.log()});
  plugin_suppressions_ = std::make_unique<PluginSuppressions>(PluginSuppressions::Surroundings{
      loop_, *suppressions_, *records_, shared_.log(), shared_.metrics()});
  pace_keeper_ =
      std::make_unique<delivery::PaceKeeper>(loop_, *records_, shared_.paces(), shared_.log());
  lanes_ = std::make_unique<LoopLanes>(
      shared_,
      delivery::LaneSurroundings{*port_, pool_, shared_.metrics(), shared_.log(),
                                 suppressions_.get(), &notices_, pace_keeper_.get()},
      home_);
  plugins_ =
      std::make_unique<LoopPlugins>(plugin::Environment{.loop = loop_,
                                                        .client = client_.get(),
                                                        .pool = &shared_.pool(),
                                                        .table = &shared_.table(),
                                                        .emit = &emit_,
                                                        .ledger = ledger_.get(),
                                                        .reports = reports_.get(),
                                                        .suppressions = plugin_suppressions_.get(),
                                                        .records = records_.get()});
  return {};
}

void LoopEstate::close_store() {
  TOCSIN_ASSERT(prepared_ == nullptr, "a store goes while a snapshot is prepared for it");
  drop_lent();
  port_.reset();
}

// Each stands on those below it.
void LoopEstate::drop_lent() {
  client_.reset();
  connector_.reset();
  plain_connector_.reset();
  resolver_.reset();
  lanes_.reset();
  pace_keeper_.reset();
  reports_.reset();
  plugin_suppressions_.reset();
  suppressions_.reset();
  records_.reset();
  ledger_.reset();
  plugins_.reset();
}

Result<void> LoopEstate::open_client() {
  TOCSIN_TRY_SET(resolver, event::Resolver::create(loop_, {}));
  resolver_ = std::move(resolver);
  TOCSIN_TRY_SET(tls, shared_.client_tls());
  plain_connector_ = std::make_unique<http::TcpConnector>(loop_, *resolver_);
  connector_ = std::make_unique<http::TransportConnector>(loop_, *plain_connector_, std::move(tls));
  http::ClientOptions options;
  options.connections_per_host_max = delivery::LanePolicy::kConcurrencyMax;
  options.idle_per_host_max = delivery::LanePolicy::kConcurrencyMax;
  options.metrics = &shared_.client_metrics();
  client_ = std::make_unique<http::HttpClient>(loop_, *connector_, options);
  return {};
}

DoorList LoopEstate::make_lanes(const Snapshot& snapshot) {
  DoorList doors;
  if (snapshot.notifies()) lanes_->make(snapshot, doors);
  return doors;
}

Result<void> LoopEstate::prepare(const Snapshot& snapshot, DoorList doors,
                                 std::vector<ListenerPart> parts) {
  TOCSIN_ASSERT(prepared_ == nullptr, "two snapshots are prepared at once");
  prepared_ = std::make_unique<Part>();
  prepared_->snapshot = &snapshot;
  prepared_->listeners = std::move(parts);
  if (snapshot.notifies()) TOCSIN_TRY(prepare_notifications(*prepared_, std::move(doors)));
  for (const ListenerPart& part : prepared_->listeners) {
    prepared_->routes[part.id] = build_routes(part.name, *part.settings, *this, snapshot);
  }
  return {};
}

Result<void> LoopEstate::prepare_notifications(Part& part, DoorList doors) {
  const Snapshot& snapshot = *part.snapshot;
  delivery::IntakeStages stages{
      .filters = {}, .router = snapshot.router(), .outputs = {}, .doors = std::move(doors)};
  for (const PluginPart& filter : snapshot.filters()) {
    TOCSIN_TRY_SET(run, plugins_->start(filter));
    stages.filters.push_back(run->filter.get());
  }
  for (const OutputPart& output : snapshot.outputs()) stages.outputs.push_back(output.traits);
  TOCSIN_TRY(start_route_scripts(part));
  for (const auto& script : part.scripts) stages.scripts.push_back(script.get());
  part.intake =
      std::make_unique<delivery::Intake>(*port_, pool_, shared_.metrics(), shared_.overload(),
                                         std::move(stages), shared_.storage().front().key_secret());
  TOCSIN_TRY(start_outputs(snapshot));
  return start_inputs(snapshot);
}

// An instance may serve several routes, and several snapshots; its doors are each one's own.
Result<void> LoopEstate::start_route_scripts(Part& part) {
  std::vector<std::string> outputs;
  for (const OutputPart& output : part.snapshot->outputs()) outputs.push_back(output.plugin.id);
  for (const PluginPart& script : part.snapshot->route_scripts()) {
    TOCSIN_TRY_SET(run, plugins_->start(script));
    part.scripts.push_back(std::make_unique<script::ScriptRoute>(*run->script, outputs));
  }
  return {};
}

Result<void> LoopEstate::start_outputs(const Snapshot& snapshot) {
  for (const OutputPart& output : snapshot.outputs()) {
    if (output.home == home_) {
      TOCSIN_TRY(plugins_->start(output, lanes_->verdicts_of(output.plugin.id)));
    } else if (output.plugin.code.handles() && home_ != kNoHome) {
      // Its provider calls back on any loop.
      TOCSIN_TRY(plugins_->start(output.plugin));
    }
  }
  return {};
}

// The control loop serves no listener, so nobody would come through an input's door there.
Result<void> LoopEstate::start_inputs(const Snapshot& snapshot) {
  if (home_ == kNoHome) return {};
  for (const PluginPart& input : snapshot.inputs()) TOCSIN_TRY(plugins_->start(input));
  return {};
}

void LoopEstate::commit() {
  TOCSIN_ASSERT(prepared_ != nullptr, "nothing was prepared");
  Part& next = *prepared_;
  for (const OutputPart& output : next.snapshot->outputs()) {
    if (output.home != home_) continue;
    lanes_->attach(output, *plugins_->find(*output.plugin.instance)->output);
  }
  for (Component* instance : next.snapshot->reconfigured()) {
    plugins_->reconfigure(*instance);
  }
  if (next.intake != nullptr) emit_.lead_to(*next.intake);
  if (next.snapshot->notifies()) adopt_policies(*next.snapshot);
  servers_.serve(next.listeners, next.routes);
  if (current_ != nullptr) retiring_.push_back(std::move(current_));
  current_ = std::move(prepared_);
}

void LoopEstate::adopt_policies(const Snapshot& snapshot) {
  reports_->follow(snapshot.dead_letters());
  plugin_suppressions_->set_audit_keep(
      snapshot.settings().at("admin").at("audit").duration("keep"));
}

void LoopEstate::discard() {
  if (prepared_ == nullptr) return;
  std::vector<Component*> fresh;
  for (Component* instance : prepared_->snapshot->instances()) {
    const bool used = (current_ != nullptr && current_->snapshot->uses(*instance)) ||
                      std::ranges::any_of(retiring_, [&](const auto& part) {
                        return part->snapshot->uses(*instance);
                      });
    if (!used) fresh.push_back(instance);
  }
  prepared_.reset();
  let_go_of_instances(fresh);
  if (lanes_ != nullptr) lanes_->discard_unused();
}

void LoopEstate::retire(const Snapshot& snapshot, Duration grace, Function<void()> done) {
  const auto found = std::ranges::find_if(
      retiring_, [&](const auto& part) { return part->snapshot == &snapshot; });
  TOCSIN_ASSERT(found != retiring_.end(), "a snapshot retires that this loop does not know");
  (*found)->cut_at = loop_.now() + grace;
  (*found)->on_gone = std::move(done);
  for (Component* instance : leaving(**found)) {
    // What is still on its way to a filter comes to it.
    if (instance->kind() != plugin::Kind::kFilter) plugins_->drain(*instance, (*found)->cut_at);
  }
  retire_look_.arm_after(Duration::zero());
}

void LoopEstate::look_at_retiring() {
  std::vector<Function<void()>> gone;
  for (auto at = retiring_.begin(); at != retiring_.end();) {
    Part& part = **at;
    if (part.on_gone && !part.cut && loop_.now() >= part.cut_at) {
      part.cut = true;
      cut(part);
    }
    if (!part.on_gone || in_use(part)) {
      ++at;
      continue;
    }
    if (part.intake != nullptr) emit_.remove(*part.intake);
    gone.push_back(std::move(part.on_gone));
    at = retiring_.erase(at);
  }
  if (!retiring_.empty()) retire_look_.arm_after(kLook);
  for (Function<void()>& done : gone) done();
}

// What runs here for no snapshot that came later.
std::vector<Component*> LoopEstate::leaving(const Part& part) const {
  std::vector<Component*> instances = part.snapshot->instances();
  std::erase_if(instances, [&](Component* instance) {
    return current_->snapshot->uses(*instance) ||
           (prepared_ != nullptr && prepared_->snapshot->uses(*instance));
  });
  return instances;
}

void LoopEstate::take_up(const std::vector<Component*>& instances) {
  if (plugins_ == nullptr) return;
  for (const Component* instance : instances) plugins_->take_up(*instance);
}

bool LoopEstate::in_use(const Part& part) {
  if (part.intake != nullptr && !part.intake->idle()) return true;
  if (!servers_.let_go_of(part.routes)) return true;
  const bool busy = !part.cut && std::ranges::any_of(leaving(part), [&](const auto* instance) {
    return plugins_->busy(*instance);
  });
  if (busy) return true;
  return std::ranges::any_of(part.snapshot->outputs(), [&](const OutputPart& output) {
    if (output.home != home_) return false;
    const auto* run = plugins_->find(*output.plugin.instance);
    return lanes_->attempts_left(output.plugin.id, *run->output) > 0;
  });
}

void LoopEstate::cut(const Part& part) {
  for (const Component* instance : leaving(part)) plugins_->cut(*instance);
  servers_.cut(part.routes);
  for (const OutputPart& output : part.snapshot->outputs()) {
    if (output.home != home_ || current_->snapshot->uses(*output.plugin.instance)) continue;
    lanes_->cut_attempts(output.plugin.id, *plugins_->find(*output.plugin.instance)->output);
  }
}

void LoopEstate::let_go(const Leaving& leaving, Function<void()> done) {
  struct Pending {
    std::size_t left = 1;
    Function<void()> done;
  };
  auto pending = std::make_shared<Pending>();
  pending->done = [this, instances = leaving.instances, told = std::move(done)]() mutable {
    let_go_of_instances(instances);
    told();
  };
  const auto one_less = [pending] {
    if (--pending->left == 0) pending->done();
  };
  for (const std::string& output : leaving.outputs) {
    if (lanes_ == nullptr || !lanes_->has(output)) continue;
    ++pending->left;
    lanes_->end(output, leaving.grace, one_less);
  }
  one_less();
}

void LoopEstate::let_go_of_instances(const std::vector<Component*>& instances) {
  if (plugins_ == nullptr) return;
  for (Component* instance : instances) plugins_->finish(*instance);
}

void LoopEstate::drain_lanes(Duration grace, Function<void()> done) {
  if (lanes_ == nullptr) return done();
  if (plugins_ != nullptr) plugins_->drain_all(loop_.now() + grace);
  lanes_->end_all(grace, std::move(done));
}

PaceStates LoopEstate::give_paces() {
  if (lanes_ == nullptr) return {};
  pace_keeper_->stop();
  return lanes_->paces();
}

void LoopEstate::adopt_paces(const PaceStates& states) {
  if (lanes_ != nullptr) lanes_->adopt(states);
}

// Servers before what they serve; adapters before the plugins' parts, those before what these were
// lent.
void LoopEstate::finish() {
  retire_look_.cancel();
  servers_.close();
  if (lanes_ != nullptr) lanes_->take_down();
  if (plugins_ != nullptr) {
    plugins_->finish_all([this] {
      // Their pipelines still speak to filters.
      prepared_.reset();
      current_.reset();
      retiring_.clear();
    });
  }
  prepared_.reset();
  current_.reset();
  retiring_.clear();
  drop_lent();
  logs_.reset();
}

plugin::HandlerAdapter* LoopEstate::handler(const PluginPart& part) {
  LoopPlugins::Run* run = plugins_->find(*part.instance);
  return run == nullptr ? nullptr : run->handler.get();
}

}  // namespace tocsin::app
