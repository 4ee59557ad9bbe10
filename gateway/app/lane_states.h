#pragma once

#include "gateway/admin/outputs_view.h"
#include "gateway/app/loop_group.h"
#include "gateway/app/snapshot_swap.h"

namespace tocsin::app {

/// Asks every loop what its lanes are doing. Control loop.
class LaneStates final : public admin::OutputsView {
 public:
  LaneStates(LoopGroup& loops, const SnapshotSwap& swap) : loops_(loops), swap_(swap) {}

  void read(Function<void(std::vector<admin::OutputState>)> done) override;

 private:
  LoopGroup& loops_;
  const SnapshotSwap& swap_;
};

}  // namespace tocsin::app
