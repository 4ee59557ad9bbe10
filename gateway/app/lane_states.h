#pragma once

#include <memory>
#include <vector>

#include "gateway/admin/outputs_view.h"
#include "gateway/app/notifications.h"
#include "gateway/app/worker.h"

namespace tocsin::app {

/// Asks every worker what its lanes are doing. Control loop; the workers outlive it.
class LaneStates final : public admin::OutputsView {
 public:
  LaneStates(event::Loop& control, const std::vector<std::unique_ptr<Worker>>& workers,
             const Notifications& notifications)
      : control_(control), workers_(workers), notifications_(notifications) {}

  void read(Function<void(std::vector<admin::OutputState>)> done) override;

 private:
  event::Loop& control_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  const Notifications& notifications_;
};

}  // namespace tocsin::app
