// The parts are those of a serving loop, and so is their order; what differs is that nobody waits:
// the clock moves when a filter holds an event, to the timer that is due next.

#include "gateway/app/rehearsal.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/delivery/idempotency.h"
#include "gateway/delivery/intake.h"

namespace tocsin::app {

namespace {

using Outcome = Rehearsed::Outcome;
using routing::Plan;

constexpr Duration kOffloadLook = std::chrono::milliseconds(1);
constexpr std::string_view kInput = "rehearsal";

Outcome outcome_of(const routing::Routed& routed) {
  if (!routed.dropped_by.empty()) return Outcome::kDropped;
  switch (routed.plan.kind) {
    case Plan::Kind::kPlanned:
      return Outcome::kRouted;
    case Plan::Kind::kUnrouted:
      return Outcome::kUnrouted;
    case Plan::Kind::kNoAddress:
      return Outcome::kNoAddress;
    case Plan::Kind::kTooMany:
      return Outcome::kTooMany;
    case Plan::Kind::kNoMemory:
      break;
  }
  return Outcome::kTooLarge;
}

// Outputs that routes named, without those that get a delivery.
std::vector<std::uint32_t> left_out(const Rehearsed& event) {
  std::vector<std::uint32_t> outputs;
  for (const routing::RouteExplanation& route : event.routes) {
    for (const std::uint32_t output : route.outputs) {
      const bool known = std::ranges::count(outputs, output) > 0;
      const bool gets = std::ranges::count(event.deliveries, output, &Rehearsed::Delivery::output);
      if (!known && !gets) outputs.push_back(output);
    }
  }
  return outputs;
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRouted:
      return "routed";
    case Outcome::kDropped:
      return "dropped";
    case Outcome::kUnrouted:
      return "unrouted";
    case Outcome::kNoAddress:
      return "no_address";
    case Outcome::kTooMany:
      return "too_many";
    case Outcome::kTooLarge:
      break;
  }
  return "too_large";
}

Rehearsal::Rehearsal(WallTime now, const Lent& lent)
    : loop_({.name = "rehearsal", .clock = &clock_, .shard = 1}),
      estate_({.log = lent.log,
               .metrics = metrics_,
               .pool = lent.pool,
               .crash_map = crash_map_,
               .clock = clock_}),
      plugins_({.loop = loop_, .pool = &lent.pool, .table = &estate_.table()}) {
  clock_.step_wall(now - clock_.wall());
  loop_.run_ready();  // this thread owns it from now on
}

Rehearsal::~Rehearsal() {
  pipeline_.reset();
  routes_.reset();
  script_watches_.clear();
  scripts_.clear();
  filters_.clear();
  plugins_.finish_all([] {});
}

tl::expected<std::unique_ptr<Rehearsal>, config::Diagnostics> Rehearsal::make(
    const config::LoadedConfig& config, const PluginCatalog& catalog, WallTime now,
    const Lent& lent) {
  std::unique_ptr<Rehearsal> made(new Rehearsal(now, lent));
  if (config::Diagnostics faults = made->prepare(config, catalog); !faults.empty()) {
    return tl::unexpected(std::move(faults));
  }
  return made;
}

config::Diagnostics Rehearsal::prepare(const config::LoadedConfig& config,
                                       const PluginCatalog& catalog) {
  auto snapshot = Snapshot::make(1, config, catalog, nullptr, estate_);
  if (!snapshot) return std::move(snapshot.error());
  snapshot_ = std::move(*snapshot);
  if (!snapshot_->notifies()) {
    return {{config.root.place(),
             {},
             "this configuration takes no notifications: it has neither inputs nor outputs",
             "add inputs:, outputs:, routes: and storage:",
             false}};
  }
  if (config::Diagnostics faults = start_filters(); !faults.empty()) return faults;
  if (config::Diagnostics faults = start_route_scripts(); !faults.empty()) return faults;
  std::vector<stage::Filter*> filters;
  for (const auto& filter : filters_) filters.push_back(filter.get());
  std::vector<stage::RouteScript*> scripts;
  for (const auto& script : script_watches_) scripts.push_back(script.get());
  filters.push_back(&routes_.emplace(snapshot_->router(), scripts));
  std::vector<stage::OutputTraits> outputs;
  for (const OutputPart& output : snapshot_->outputs()) outputs.push_back(output.traits);
  routing::RoutedSink& sink = *this;
  pipeline_.emplace(std::move(filters), snapshot_->router(), outputs, sink, std::move(scripts));
  return {};
}

config::Diagnostics Rehearsal::start_route_scripts() {
  std::vector<std::string> outputs;
  for (const OutputPart& output : snapshot_->outputs()) outputs.push_back(output.plugin.id);
  for (const PluginPart& part : snapshot_->route_scripts()) {
    auto run = plugins_.start(part);
    if (!run) return {fault_at(part.settings->place(), part.id + ".script", run.error().what)};
    scripts_.push_back(std::make_unique<script::ScriptRoute>(*(*run)->script, outputs));
    script_watches_.push_back(std::make_unique<ScriptWatch>(*scripts_.back()));
  }
  return {};
}

config::Diagnostics Rehearsal::start_filters() {
  for (std::size_t i = 0; i < snapshot_->filters().size(); ++i) {
    const PluginPart& part = snapshot_->filters()[i];
    auto run = plugins_.start(part);
    if (!run) {
      return {
          fault_at(part.settings->place(), "filters[" + std::to_string(i) + "]", run.error().what)};
    }
    if ((*run)->compiled != nullptr) workers_.push_back((*run)->compiled);
    filters_.push_back(std::make_unique<FilterWatch>(*(*run)->filter, clock_));
  }
  return {};
}

tl::expected<Rehearsed, message::Invalid> Rehearsal::hear(std::string_view json) {
  routing::Candidate candidate{.arena = Arena(blocks_, delivery::Intake::kItemBytesMax)};
  auto decoded = message::decode_notification(json, candidate.arena, {.now = clock_.wall()});
  if (!decoded) return tl::unexpected(std::move(decoded.error()));
  candidate.decoded = *decoded;
  std::string identity;
  if (!decoded->idempotency_key.empty()) {
    delivery::append_identity(identity, {kInput, {}}, decoded->idempotency_key);
  }
  candidate.identity = identity;
  Rehearsed event;
  JsonWriter writer(event.notification);
  message::encode_notification(*decoded->notification, writer);
  event.deliver_at = decoded->notification->deliver_at;
  event.expires_at = decoded->notification->expires_at;
  event.filters.resize(filters_.size());
  for (std::size_t i = 0; i < filters_.size(); ++i) {
    event.filters[i].filter = &snapshot_->filters()[i];
    filters_[i]->note_in(event.filters[i]);
  }
  for (const auto& script : script_watches_) script->begin_event();
  routes_->note_in(event.routes);
  hearing_ = &event;
  const bool taken = pipeline_->submit(std::move(candidate));
  TOCSIN_ASSERT(taken, "a pipeline of one event had no room");
  settle();
  event.without_address = left_out(event);
  return event;
}

void Rehearsal::on_routed(routing::Routed routed) {
  Rehearsed& event = *std::exchange(hearing_, nullptr);
  event.outcome = outcome_of(routed);
  event.dropped_by = routed.dropped_by;
  for (const routing::Planned& planned : routed.plan.deliveries) {
    event.deliveries.push_back({planned.output, std::string(planned.address), planned.queue});
  }
  routed.fate.tell(event.outcome == Outcome::kRouted);
}

// Until the event is through. What holds it has a timer of its own, or works off the loop.
void Rehearsal::settle() {
  const MonoTime give_up = SystemClock::instance().mono() + kOffloadMax;
  for (int step = 0; hearing_ != nullptr; ++step) {
    TOCSIN_ASSERT(step < kTimerStepsMax, "a filter holds an event for ever");
    loop_.run_ready();
    if (hearing_ == nullptr) return;
    if (works_off_loop() && SystemClock::instance().mono() < give_up) {
      std::this_thread::sleep_for(kOffloadLook);
      continue;
    }
    pass_to(loop_.timers().next_due().value_or(clock_.mono()));
  }
}

bool Rehearsal::works_off_loop() {
  return std::ranges::any_of(workers_,
                             [](const auto* worker) { return worker->outstanding() > 0; });
}

void Rehearsal::pass_to(MonoTime when) {
  clock_.advance(std::max(when - clock_.mono(), Duration::zero()));
  loop_.run_ready();
}

void Rehearsal::wait(Duration time) {
  const MonoTime until = clock_.mono() + time;
  for (int step = 0; step < kTimerStepsMax; ++step) {
    const std::optional<MonoTime> due = loop_.timers().next_due();
    if (!due || *due >= until) break;
    pass_to(*due);
  }
  pass_to(until);
}

}  // namespace tocsin::app
