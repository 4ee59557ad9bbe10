#include "gateway/app/emit_switch.h"

#include <algorithm>
#include <span>

namespace tocsin::app {

void EmitSwitch::lead_to(delivery::Intake& intake) {
  intakes_.push_back(&intake);
  leads_ = true;
}

void EmitSwitch::remove(delivery::Intake& intake) {
  if (leads_ && intakes_.back() == &intake) leads_ = false;
  std::erase(intakes_, &intake);
}

bool EmitSwitch::emit(const stage::EmitRequest& request, stage::EmitDone& done) {
  if (!leads_) return false;
  const std::span older(intakes_.data(), intakes_.size() - 1);
  if (request.stream != 0 && std::ranges::any_of(older, [&](const delivery::Intake* intake) {
        return intake->holds(request.stream);
      })) {
    return false;
  }
  return intakes_.back()->emit(request, done);
}

void EmitSwitch::abandon(stage::EmitDone& done) {
  for (delivery::Intake* intake : intakes_) intake->abandon(done);
}

}  // namespace tocsin::app
