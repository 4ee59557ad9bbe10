// What providers say later, on its way through the front.
#include "gateway/delivery/outbox_front.h"

namespace tocsin::delivery {

void OutboxFront::take_amend(AmendRequest& one, WallTime now) {
  one.op.at = now;
  one.op.reason = one.reason;
  one.op.provider_id = one.provider_id;
  one.op.successor.reset();
  if (!one.mirror.empty()) {
    one.op.successor = {.output = one.mirror,
                        .address = {},
                        .state = message::DeliveryState::kReady,
                        .next_at = now,
                        .mirror = true};
    const LaneDoor* door = doors_.find(one.mirror);
    if (door != nullptr && door->ordered()) one.op.successor->ordering = stage::Ordering::kJoin;
  }
  batch_.add(one);
  batch_has_more_ = true;
}

// Which queue a successor joined the store knows, so its door looks at both.
void OutboxFront::commit_amend(const AmendRequest& one) {
  const auto look = [this](std::string_view output) {
    if (LaneDoor* door = doors_.find(output)) door->spill();
  };
  if (!one.op.changed) return;
  if (one.op.freed) look(one.output);
  if (one.op.successor && !one.op.mirror) look(one.mirror);
}

}  // namespace tocsin::delivery
