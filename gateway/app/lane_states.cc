#include "gateway/app/lane_states.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace tocsin::app {

namespace {

// Empty: it is not paused; what paces it or takes its room passes by itself.
std::string_view reason_of(const delivery::Lane& lane) {
  switch (lane.look().wait) {
    case delivery::LaneWait::kNothing:
    case delivery::LaneWait::kRate:
    case delivery::LaneWait::kConcurrency:
      break;
    case delivery::LaneWait::kHalted:
      return "an operator paused it; see outputs resume";
    case delivery::LaneWait::kQuarantine:
      return "it was found after three crashes in ten minutes; see outputs resume";
    case delivery::LaneWait::kUnauthorized:
      return "its credentials were refused; one attempt a minute finds out";
    case delivery::LaneWait::kThrottled:
      return "the receiver asked for a pause";
    case delivery::LaneWait::kAccount:
      return "the receiver asked another output of its account for a pause";
    case delivery::LaneWait::kBreaker:
      return lane.breaker_state() == policy::BreakerState::kForcedOpen
                 ? "its breaker was opened; see outputs breaker"
                 : "its breaker is open: the receiver fails or is too slow";
  }
  return lane.paused() ? "its credentials were refused; a probe is under way" : "";
}

std::vector<admin::OutputState> states_of(const LoopLanes& lanes) {
  std::vector<admin::OutputState> states;
  for (delivery::Lane* lane : lanes.all()) {
    admin::OutputState state;
    state.name = lane->output_name();
    state.in_flight = lane->in_flight();
    state.in_memory = lane->held();
    state.spilled = lane->door().seen_spilled();
    state.reason = reason_of(*lane);
    state.paused = !state.reason.empty();
    state.breaker = policy::breaker_state_name(lane->breaker_state());
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace

void LaneStates::read(Function<void(std::vector<admin::OutputState>)> done) {
  auto found = std::make_shared<Found>(loops_.size());
  loops_.each_within(
      kAnswerMax,
      [found](std::size_t index, LoopEstate& loop) { (*found)[index] = states_of(loop.lanes()); },
      [this, found, told = std::move(done)](const std::vector<std::size_t>& silent) mutable {
        told(shown(*found, silent));
      });
}

// A silent loop may be writing its part now.
std::vector<admin::OutputState> LaneStates::shown(Found& found,
                                                  const std::vector<std::size_t>& silent) const {
  std::vector<admin::OutputState> states;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::ranges::count(silent, i) > 0) continue;
    for (admin::OutputState& state : found[i]) {
      const OutputPart* output = swap_.current()->output(state.name);
      // A lane that ends is nobody's output any more.
      if (output == nullptr) continue;
      state.type = output->plugin.type;
      states.push_back(std::move(state));
    }
  }
  for (const OutputPart& output : swap_.current()->outputs()) {
    if (std::ranges::count(silent, output.home) == 0) continue;
    admin::OutputState state;
    state.name = output.plugin.id;
    state.type = output.plugin.type;
    state.silent_loop = loops_.loop(output.home).name();
    states.push_back(std::move(state));
  }
  std::ranges::sort(states, {}, &admin::OutputState::name);
  return states;
}

void LaneStates::order_breaker(std::string output, delivery::BreakerOrder order,
                               Function<void(std::optional<std::string>)> done) {
  const OutputPart* part = swap_.current()->output(output);
  if (part == nullptr) return done(std::nullopt);
  auto state = std::make_shared<std::atomic<policy::BreakerState>>(policy::BreakerState::kClosed);
  loops_.each_within(
      kAnswerMax,
      [state, output, order](std::size_t, LoopEstate& loop) {
        if (!loop.has_store()) return;
        if (const auto now = loop.lanes().force_breaker(output, order)) *state = *now;
      },
      [state, home = part->home,
       told = std::move(done)](const std::vector<std::size_t>& silent) mutable {
        const bool later = std::ranges::count(silent, home) > 0;
        told(std::string(later ? "unknown" : policy::breaker_state_name(*state)));
      });
}

void LaneStates::order(const OutputPart& part, LaneOrder what, Function<void(Told)> done) {
  auto changed = std::make_shared<std::atomic<bool>>(false);
  loops_.each_within(
      kAnswerMax,
      [changed, what, output = part.plugin.id](std::size_t, LoopEstate& loop) {
        if (loop.has_store() && (loop.lanes().*what)(output).value_or(false)) *changed = true;
      },
      [changed, home = part.home,
       told = std::move(done)](const std::vector<std::size_t>& silent) mutable {
        if (*changed) return told(Told::kDone);
        const bool later = std::ranges::count(silent, home) > 0;
        told(later ? Told::kDoneLater : Told::kWasSo);
      });
}

void LaneStates::pause(std::string output, Function<void(Told)> done) {
  const OutputPart* part = swap_.current()->output(output);
  if (part == nullptr) return done(Told::kNoSuchOutput);
  order(*part, &LoopLanes::halt, std::move(done));
}

void LaneStates::resume(std::string output, Function<void(Told)> done) {
  const OutputPart* part = swap_.current()->output(output);
  if (part == nullptr) return done(Told::kNoSuchOutput);
  // Before the lane is asked: one that is made meanwhile must not begin in quarantine.
  estate_.forgive(part->plugin.label(), output);
  order(*part, &LoopLanes::resume, std::move(done));
}

}  // namespace tocsin::app
