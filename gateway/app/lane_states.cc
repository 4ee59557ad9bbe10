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
  auto found = std::make_shared<std::vector<std::vector<admin::OutputState>>>(loops_.size());
  loops_.each_at_once(
      [found](std::size_t index, LoopEstate& loop) -> Result<void> {
        (*found)[index] = states_of(loop.lanes());
        return {};
      },
      [this, found, told = std::move(done)](const Result<void>&) mutable {
        std::vector<admin::OutputState> states;
        for (auto& part : *found) {
          for (admin::OutputState& state : part) {
            const OutputPart* output = swap_.current()->output(state.name);
            // A lane that ends is nobody's output any more.
            if (output == nullptr) continue;
            state.type = output->plugin.type;
            states.push_back(std::move(state));
          }
        }
        std::sort(states.begin(), states.end(),
                  [](const auto& a, const auto& b) { return a.name < b.name; });
        told(std::move(states));
      });
}

void LaneStates::resume(std::string output, Function<void(Resumed)> done) {
  const OutputPart* part = swap_.current()->output(output);
  if (part == nullptr) return done(Resumed::kNoSuchOutput);
  // Before the lane is asked: one that is made meanwhile must not begin in quarantine.
  estate_.forgive(part->plugin.label(), output);
  auto resumed = std::make_shared<std::atomic<bool>>(false);
  loops_.each_at_once(
      [resumed, output](std::size_t, LoopEstate& loop) -> Result<void> {
        if (loop.has_store() && loop.lanes().resume(output).value_or(false)) *resumed = true;
        return {};
      },
      [resumed, told = std::move(done)](const Result<void>&) mutable {
        told(*resumed ? Resumed::kResumed : Resumed::kWasRunning);
      });
}

}  // namespace tocsin::app
