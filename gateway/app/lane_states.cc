#include "gateway/app/lane_states.h"

#include <algorithm>
#include <utility>

namespace tocsin::app {

namespace {

// One reading of all lanes; only the control loop touches it.
struct Reading {
  std::vector<admin::OutputState> states;
  std::size_t workers_left = 0;
  Function<void(std::vector<admin::OutputState>)> done;
};

std::vector<admin::OutputState> states_of(LoopNotifications& part) {
  std::vector<admin::OutputState> states;
  for (const auto& lane : part.lanes()) {
    admin::OutputState state;
    state.name = lane->output_name();
    state.in_flight = lane->in_flight();
    state.in_memory = lane->held();
    state.spilled = lane->door().seen_spilled();
    state.paused = lane->paused() || lane->gate_closed();
    if (lane->paused()) {
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
  auto reading = std::make_shared<Reading>();
  reading->workers_left = workers_.size();
  reading->done = std::move(done);
  const auto take = [this, reading](std::vector<admin::OutputState> states) {
    for (admin::OutputState& state : states) {
      for (const OutputPart& output : notifications_.outputs()) {
        if (output.name == state.name) state.type = output.type;
      }
      reading->states.push_back(std::move(state));
    }
    if (--reading->workers_left > 0) return;
    std::sort(reading->states.begin(), reading->states.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    reading->done(std::move(reading->states));
  };
  for (const auto& worker : workers_) {
    Worker* asked = worker.get();
    asked->loop().post([this, asked, take] {
      control_.post([take, states = states_of(*asked->notifications())]() mutable {
        take(std::move(states));
      });
    });
  }
}

}  // namespace tocsin::app
