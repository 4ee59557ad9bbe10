#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace tocsin::admin {

/// What load balancers and supervisors are told. Written by the control thread, read by any.
class Readiness {
 public:
  enum class State : std::uint8_t { kStarting, kReady, kDraining };
  void set(State state) { state_.store(state, std::memory_order_relaxed); }
  State state() const { return state_.load(std::memory_order_relaxed); }

  /// "starting", "ready", "draining".
  std::string_view text() const {
    switch (state()) {
      case State::kStarting:
        return "starting";
      case State::kReady:
        return "ready";
      case State::kDraining:
        break;
    }
    return "draining";
  }

 private:
  std::atomic<State> state_{State::kStarting};
};

}  // namespace tocsin::admin
