#pragma once

#include "gateway/admin/outputs_view.h"
#include "gateway/app/loop_group.h"
#include "gateway/app/snapshot_swap.h"

namespace tocsin::app {

/// Asks every loop what its lanes are doing, and does without a loop that stands still. Control
/// loop.
class LaneStates final : public admin::OutputsView {
 public:
  /// How long a loop may take to answer.
  static constexpr Duration kAnswerMax = std::chrono::milliseconds(500);

  LaneStates(LoopGroup& loops, const SnapshotSwap& swap, Estate& estate)
      : loops_(loops), swap_(swap), estate_(estate) {}

  void read(Function<void(std::vector<admin::OutputState>)> done) override;
  void pause(std::string output, Function<void(Told)> done) override;
  void resume(std::string output, Function<void(Told)> done) override;
  void order_breaker(std::string output, delivery::BreakerOrder order,
                     Function<void(std::optional<std::string>)> done) override;

 private:
  /// Tells every loop; the one that the output lives on does it.
  using LaneOrder = std::optional<bool> (LoopLanes::*)(std::string_view);
  void order(const OutputPart& part, LaneOrder what, Function<void(Told)> done);
  using Found = std::vector<std::vector<admin::OutputState>>;  // by loop
  std::vector<admin::OutputState> shown(Found& found, const std::vector<std::size_t>& silent) const;

  LoopGroup& loops_;
  const SnapshotSwap& swap_;
  Estate& estate_;
};

}  // namespace tocsin::app
