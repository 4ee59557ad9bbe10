// The life of a delivery:
//
//            claim             mark sending
//   ready ----------> claimed --------------> sending
//                        ^ |  keep               |
//                        +-+---------------------+
//     ^  ^  release,     |                       |
//     |  +-- reschedule--+-----------------------+
//     |      (takeover)  |                       |
//     | redrive          v                       v (takeover: dead, ambiguous)
//     +------ dead, delivered, cancelled, fell_back
//               ^         |
//               +---------+ a bounce that is reported later (report.h)
#include "gateway/message/delivery.h"

#include <array>

namespace tocsin::message {

namespace {

using enum DeliveryState;

struct Transition {
  DeliveryState from;
  DeliveryEvent event;
  DeliveryState to;
};

constexpr Transition kTransitions[] = {
    {kReady, DeliveryEvent::kClaim, kClaimed},
    {kReady, DeliveryEvent::kCancel, kCancelled},

    {kClaimed, DeliveryEvent::kMarkSending, kSending},
    {kClaimed, DeliveryEvent::kKeep, kClaimed},
    {kClaimed, DeliveryEvent::kRelease, kReady},
    {kClaimed, DeliveryEvent::kReschedule, kReady},
    {kClaimed, DeliveryEvent::kDeliver, kDelivered},
    {kClaimed, DeliveryEvent::kDie, kDead},
    {kClaimed, DeliveryEvent::kCancel, kCancelled},
    {kClaimed, DeliveryEvent::kFallBack, kFellBack},
    {kClaimed, DeliveryEvent::kTakeOver, kReady},

    // Its attempt was turned away at the door.
    {kSending, DeliveryEvent::kKeep, kClaimed},
    // Marked, but its attempt never began.
    {kSending, DeliveryEvent::kRelease, kReady},
    {kSending, DeliveryEvent::kReschedule, kReady},
    {kSending, DeliveryEvent::kDeliver, kDelivered},
    {kSending, DeliveryEvent::kDie, kDead},
    {kSending, DeliveryEvent::kCancel, kCancelled},
    {kSending, DeliveryEvent::kFallBack, kFellBack},
    // Nobody knows whether it went out.
    {kSending, DeliveryEvent::kTakeOver, kDead},

    // The provider took it and reported a bounce later; or it reports what became of an attempt
    // that was taken for a failure, or of which nobody knew.
    {kDelivered, DeliveryEvent::kDie, kDead},
    {kReady, DeliveryEvent::kDeliver, kDelivered},
    {kReady, DeliveryEvent::kDie, kDead},
    {kDead, DeliveryEvent::kDeliver, kDelivered},

    {kDead, DeliveryEvent::kRedrive, kReady},
};

constexpr std::uint8_t kNever = 0xFF;
using Table = std::array<std::array<std::uint8_t, kDeliveryEvents>, kDeliveryStates>;

constexpr Table fill_table() {
  Table table{};
  for (auto& row : table) row.fill(kNever);
  for (const Transition& t : kTransitions) {
    table[static_cast<std::size_t>(t.from)][static_cast<std::size_t>(t.event)] =
        static_cast<std::uint8_t>(t.to);
  }
  return table;
}
constexpr Table kTable = fill_table();

}  // namespace

std::optional<DeliveryState> next_state(DeliveryState state, DeliveryEvent event) {
  const std::uint8_t to = kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
  if (to == kNever) return std::nullopt;
  return static_cast<DeliveryState>(to);
}

std::string_view state_name(DeliveryState state) {
  constexpr std::array<std::string_view, kDeliveryStates> kNames = {
      "ready", "claimed", "sending", "delivered", "dead", "cancelled", "fell_back"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view review_name(ReviewState state) {
  constexpr std::array<std::string_view, 3> kNames = {"pending", "approved", "discarded"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view class_name(DeliveryClass priority) {
  return priority == DeliveryClass::kCritical ? "critical" : "normal";
}

std::optional<DeliveryClass> parse_class(std::string_view name) {
  for (const DeliveryClass one : {DeliveryClass::kCritical, DeliveryClass::kNormal}) {
    if (name == class_name(one)) return one;
  }
  return std::nullopt;
}

}  // namespace tocsin::message
