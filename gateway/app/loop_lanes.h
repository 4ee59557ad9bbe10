#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/app/snapshot.h"
#include "gateway/delivery/lane.h"

namespace tocsin::app {

/// Every lane's door by the index of its output in one snapshot.
using DoorList = std::vector<delivery::LaneDoor*>;
/// What lanes know of their pace, by output.
using PaceStates = std::map<std::string, delivery::PaceState, std::less<>>;

/// The lanes that are at home on one loop. They outlive snapshots: an output that stays keeps its
/// lane with all that waits there. The loop's thread.
class LoopLanes {
 public:
  /// `shared` and what `around` names outlive this object.
  LoopLanes(const Estate& shared, const delivery::LaneSurroundings& around, std::size_t home)
      : shared_(shared), around_(around), home_(home) {}

  /// Makes the lanes that outputs of the snapshot need here and puts their doors at the outputs'
  /// indexes. A lane begins nothing before an output is attached.
  void make(const Snapshot& snapshot, DoorList& doors);
  /// Takes down the lanes that no output was ever attached to.
  void discard_unused();

  /// Whether the output lives here, and has a lane.
  bool has(std::string_view output) const { return lanes_.contains(output); }
  /// Who takes the verdicts of attempts at that output.
  stage::AttemptDone& verdicts_of(const std::string& output) { return *lanes_.at(output).lane; }
  void attach(const OutputPart& part, stage::Output& output);
  /// Attempts that `output` still has, when another one serves the lane by now.
  std::uint32_t attempts_left(std::string_view name, const stage::Output& output) const;
  void cut_attempts(std::string_view name, const stage::Output& output);

  /// Ends one lane and calls `done` when it is gone: what waits goes back to the store.
  void end(const std::string& output, Duration grace, Function<void()> done);
  /// Ends all and calls `done` when none holds anything.
  void end_all(Duration grace, Function<void()> done);
  /// Nobody delivers any more; the front was stopped.
  void take_down();

  /// Lets an output begin nothing. Nothing: it has no lane here; false: it was so already.
  std::optional<bool> halt(std::string_view output);
  /// Ends that, and its quarantine. Nothing: it has no lane here; false: it was in neither.
  std::optional<bool> resume(std::string_view output);
  /// Tells an output's breaker what to do; the state it is in then. Nothing: it has no lane here.
  std::optional<policy::BreakerState> force_breaker(std::string_view output,
                                                    delivery::BreakerOrder order);
  PaceStates paces() const;
  /// The process before begins no attempts any more; where its lanes were, as far as it said so.
  void adopt(const PaceStates& states);
  /// For those who look: each lane of this loop.
  std::vector<delivery::Lane*> all() const;

 private:
  struct Home {
    std::unique_ptr<delivery::Lane> lane;
    const stage::Output* attached = nullptr;
    bool ending = false;
    bool ended = false;
    std::vector<Function<void()>> on_ended;
  };
  void begin_end(Home& home, const std::string& output, Duration grace);
  void on_ended(const std::string& output);

  const Estate& shared_;
  const delivery::LaneSurroundings around_;
  const std::size_t home_;
  std::map<std::string, Home, std::less<>> lanes_;
  Function<void()> on_all_ended_;
};

}  // namespace tocsin::app
