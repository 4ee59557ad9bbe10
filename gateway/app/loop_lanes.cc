#include "gateway/app/loop_lanes.h"

#include <algorithm>

#include "gateway/app/estate.h"
#include "gateway/app/lane_handover.h"

namespace tocsin::app {

void LoopLanes::make(const Snapshot& snapshot, DoorList& doors) {
  doors.resize(snapshot.outputs().size());
  for (std::size_t i = 0; i < doors.size(); ++i) {
    const OutputPart& output = snapshot.outputs()[i];
    if (output.home != home_) continue;
    Home& home = lanes_[output.plugin.id];
    if (home.lane == nullptr) {
      home.lane = std::make_unique<delivery::Lane>(around_, output.plugin.id, output.policy);
      const PluginPart& plugin = output.plugin;
      if (const auto state = shared_.paces().find(plugin.id)) home.lane->restore(*state);
      if (shared_.awaits_lanes()) home.lane->await_pace(LaneHandover::kAwaitMax);
      const Duration wait = shared_.quarantine_of(plugin.label(), plugin.id);
      if (wait > Duration::zero()) home.lane->quarantine(wait);
    }
    doors[i] = &home.lane->door();
  }
}

void LoopLanes::discard_unused() {
  std::erase_if(lanes_, [](const auto& entry) { return entry.second.attached == nullptr; });
}

void LoopLanes::attach(const OutputPart& part, stage::Output& output) {
  Home& home = lanes_.at(part.plugin.id);
  home.attached = &output;
  home.lane->attach(&output, part.policy,
                    shared_.account_of(part.plugin.type, part.traits.account));
}

std::uint32_t LoopLanes::attempts_left(std::string_view name, const stage::Output& output) const {
  const auto found = lanes_.find(name);
  if (found == lanes_.end() || found->second.attached == &output) return 0;
  return found->second.lane->attempts_of(output);
}

void LoopLanes::cut_attempts(std::string_view name, const stage::Output& output) {
  const auto found = lanes_.find(name);
  if (found != lanes_.end()) found->second.lane->cut_attempts_of(output);
}

void LoopLanes::begin_end(Home& home, const std::string& output, Duration grace) {
  if (std::exchange(home.ending, true)) return;
  home.lane->drain(grace, [this, output] { on_ended(output); });
}

void LoopLanes::end(const std::string& output, Duration grace, Function<void()> done) {
  Home& home = lanes_.at(output);
  home.on_ended.push_back(std::move(done));
  begin_end(home, output, grace);
}

void LoopLanes::end_all(Duration grace, Function<void()> done) {
  on_all_ended_ = std::move(done);
  for (auto& [output, home] : lanes_) begin_end(home, output, grace);
  if (std::ranges::all_of(lanes_, [](const auto& entry) { return entry.second.ended; })) {
    std::exchange(on_all_ended_, nullptr)();
  }
}

// A lane that ends alone goes; when all end, they stay for whoever still looks at them.
void LoopLanes::on_ended(const std::string& output) {
  const auto found = lanes_.find(output);
  found->second.ended = true;
  std::vector<Function<void()>> told = std::move(found->second.on_ended);
  if (!told.empty()) lanes_.erase(found);
  for (Function<void()>& done : told) done();
  if (!on_all_ended_) return;
  if (std::ranges::all_of(lanes_, [](const auto& entry) { return entry.second.ended; })) {
    std::exchange(on_all_ended_, nullptr)();
  }
}

void LoopLanes::take_down() {
  for (auto& [output, home] : lanes_) {
    home.lane->attach(nullptr);
    home.attached = nullptr;
  }
}

std::optional<bool> LoopLanes::halt(std::string_view output) {
  const auto found = lanes_.find(output);
  if (found == lanes_.end()) return std::nullopt;
  return found->second.lane->halt();
}

std::optional<bool> LoopLanes::resume(std::string_view output) {
  const auto found = lanes_.find(output);
  if (found == lanes_.end()) return std::nullopt;
  return found->second.lane->resume();
}

std::optional<policy::BreakerState> LoopLanes::force_breaker(std::string_view output,
                                                             delivery::BreakerOrder order) {
  const auto found = lanes_.find(output);
  if (found == lanes_.end()) return std::nullopt;
  return found->second.lane->force_breaker(order);
}

PaceStates LoopLanes::paces() const {
  PaceStates states;
  for (const auto& [output, home] : lanes_) states.emplace(output, home.lane->pace_state());
  return states;
}

void LoopLanes::adopt(const PaceStates& states) {
  for (auto& [output, home] : lanes_) {
    const auto found = states.find(output);
    home.lane->adopt(found == states.end() ? nullptr : &found->second);
  }
}

std::vector<delivery::Lane*> LoopLanes::all() const {
  std::vector<delivery::Lane*> lanes;
  for (const auto& [output, home] : lanes_) lanes.push_back(home.lane.get());
  return lanes;
}

}  // namespace tocsin::app
