#pragma once

#include <vector>

#include "gateway/delivery/intake.h"
#include "gateway/stage/emit.h"

namespace tocsin::app {

/// The way in as inputs know it, whatever snapshot is current: leads to that one's intake, while
/// older ones finish what they were given. One per loop, and its thread's.
class EmitSwitch final : public stage::Emit {
 public:
  /// From now on `intake` is given what comes; it stays until remove().
  void lead_to(delivery::Intake& intake);
  /// It is idle. Without a current one nothing is taken.
  void remove(delivery::Intake& intake);

  /// False also while an older intake still has something of the request's stream: what came
  /// later must not overtake it.
  [[nodiscard]] bool emit(const stage::EmitRequest& request, stage::EmitDone& done) override;
  void abandon(stage::EmitDone& done) override;

 private:
  std::vector<delivery::Intake*> intakes_;  // the current one last
  bool leads_ = false;                      // to that last one
};

}  // namespace tocsin::app
