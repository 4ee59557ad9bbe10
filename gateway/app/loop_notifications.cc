#include "gateway/app/loop_notifications.h"

#include <utility>

#include "gateway/plugin/worker.h"

namespace tocsin::app {

LoopNotifications::LoopNotifications(Notifications& shared, event::Loop& loop, BlockPool& pool,
                                     std::size_t home)
    : shared_(shared),
      loop_(loop),
      pool_(pool),
      home_(home),
      port_(loop, shared.storage().front()) {
  for (const OutputPart& output : shared_.outputs()) {
    if (output.home != home_) continue;
    lanes_.push_back(std::make_unique<delivery::Lane>(
        delivery::LaneSurroundings{port_, pool_, shared_.metrics(), shared_.log()}, output.name,
        output.policy));
    lane_outputs_.push_back(&output);
  }
}

LoopNotifications::~LoopNotifications() = default;

void LoopNotifications::add_doors(DoorList& doors) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const auto index = static_cast<std::size_t>(lane_outputs_[i] - shared_.outputs().data());
    doors.at(index) = &lanes_[i]->door();
  }
}

Result<void> LoopNotifications::start(const DoorList& doors) {
  TOCSIN_TRY(open_client());
  ledger_ =
      std::make_unique<delivery::OutboxLedger>(port_, shared_.storage().storage(), shared_.pool());
  records_ =
      std::make_unique<delivery::OutboxRecords>(port_, shared_.storage().storage(), shared_.pool());
  TOCSIN_TRY(start_filters());
  delivery::IntakeStages stages{
      .filters = {}, .router = shared_.router(), .outputs = {}, .doors = doors};
  for (const auto& filter : filters_) stages.filters.push_back(filter.get());
  for (const OutputPart& output : shared_.outputs()) stages.outputs.push_back(output.traits);
  intake_ = std::make_unique<delivery::Intake>(port_, pool_, shared_.metrics(), std::move(stages),
                                               shared_.storage().front().key_secret());
  TOCSIN_TRY(start_outputs());
  return start_inputs();
}

Result<void> LoopNotifications::open_client() {
  TOCSIN_TRY_SET(resolver, event::Resolver::create(loop_, {}));
  resolver_ = std::move(resolver);
  connector_ = std::make_unique<http::TcpConnector>(loop_, *resolver_);
  http::ClientOptions options;
  options.connections_per_host_max = delivery::LanePolicy::kConcurrencyMax;
  options.idle_per_host_max = delivery::LanePolicy::kConcurrencyMax;
  client_ = std::make_unique<http::HttpClient>(loop_, *connector_, options);
  return {};
}

Result<plugin::Worker*> LoopNotifications::start_worker(plugin::Instance& instance) {
  const plugin::Environment environment{.loop = loop_,
                                        .client = client_.get(),
                                        .pool = &shared_.pool(),
                                        .table = &shared_.table(),
                                        .emit = intake_.get(),
                                        .ledger = ledger_.get()};
  Result<plugin::Worker*> worker = instance.start_worker(environment);
  if (!worker) return fail(worker.error().code, worker.error().what, instance.logger());
  workers_.push_back(*worker);
  return worker;
}

Result<void> LoopNotifications::start_filters() {
  for (const plugin::InstancePtr& instance : shared_.filters()) {
    TOCSIN_TRY_SET(worker, start_worker(*instance));
    filters_.push_back(std::make_unique<plugin::FilterAdapter>(*worker));
  }
  return {};
}

Result<void> LoopNotifications::start_outputs() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const OutputPart& output = *lane_outputs_[i];
    TOCSIN_TRY_SET(worker, start_worker(*output.instance));
    outputs_.push_back(std::make_unique<plugin::OutputAdapter>(*worker, output.traits, *lanes_[i]));
    lanes_[i]->attach(outputs_.back().get());
  }
  return {};
}

// The control loop serves no listener, so nobody would come through an input's door there.
Result<void> LoopNotifications::start_inputs() {
  if (home_ == kNoHome) return {};
  for (const plugin::InstancePtr& instance : shared_.inputs()) {
    TOCSIN_TRY_SET(worker, start_worker(*instance));
    if (instance->plugin().handler == nullptr) continue;
    handlers_.emplace(instance->id(), std::make_unique<plugin::HandlerAdapter>(*worker));
  }
  return {};
}

plugin::HandlerAdapter* LoopNotifications::handler(std::string_view input) {
  const auto found = handlers_.find(input);
  return found == handlers_.end() ? nullptr : found->second.get();
}

void LoopNotifications::drain(Duration grace, Function<void()> done) {
  on_drained_ = std::move(done);
  draining_ = lanes_.size() + 1;
  const auto one_less = [this] {
    if (--draining_ == 0) std::exchange(on_drained_, nullptr)();
  };
  for (const auto& lane : lanes_) lane->drain(grace, one_less);
  one_less();
}

// Adapters before the workers they stand on, those before what the workers were lent.
void LoopNotifications::finish() {
  for (const auto& lane : lanes_) lane->attach(nullptr);
  handlers_.clear();
  outputs_.clear();
  for (plugin::Worker* worker : workers_) {
    if (worker->instance().kind() != plugin::Kind::kFilter) worker->finish();
  }
  intake_.reset();  // its pipeline still speaks to filters
  filters_.clear();
  for (plugin::Worker* worker : workers_) {
    if (worker->instance().kind() == plugin::Kind::kFilter) worker->finish();
  }
  workers_.clear();
  records_.reset();
  ledger_.reset();
  client_.reset();
  connector_.reset();
  resolver_.reset();
  lanes_.clear();
}

}  // namespace tocsin::app
