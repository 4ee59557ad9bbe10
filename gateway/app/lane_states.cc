#include "gateway/app/lane_states.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace tocsin::app {

namespace {

std::vector<admin::OutputState> states_of(const LoopLanes& lanes) {
  std::vector<admin::OutputState> states;
  for (delivery::Lane* lane : lanes.all()) {
    admin::OutputState state;
    state.name = lane->output_name();
    state.in_flight = lane->in_flight();
    state.in_memory = lane->held();
    state.spilled = lane->door().seen_spilled();
    state.paused = lane->paused() || lane->gate_closed();
    if (lane->quarantined()) {
      state.reason = "it was found after three crashes in ten minutes; see outputs resume";
    } else if (lane->paused()) {
      state.reason = "its credentials were refused; one attempt a minute finds out";
    } else if (state.paused) {
      state.reason = "the receiver asked for a pause";
    }
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

void LaneStates::resume(std::string output, Function<void(Resumed)> done) {
  const OutputPart* part = swap_.current()->output(output);
  if (part == nullptr) return done(Resumed::kNoSuchOutput);
  // Before the lane is asked: one that is made meanwhile must not begin in quarantine.
  estate_.forgive(part->plugin.label(), output);
  auto resumed = std::make_shared<std::atomic<bool>>(false);
  loops_.each_within(
      kAnswerMax,
      [resumed, output](std::size_t, LoopEstate& loop) {
        if (loop.has_store() && loop.lanes().resume(output).value_or(false)) *resumed = true;
      },
      [resumed, home = part->home,
       told = std::move(done)](const std::vector<std::size_t>& silent) mutable {
        if (*resumed) return told(Resumed::kResumed);
        const bool later = std::ranges::count(silent, home) > 0;
        told(later ? Resumed::kResumesLater : Resumed::kWasRunning);
      });
}

}  // namespace tocsin::app
