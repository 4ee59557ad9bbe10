#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/message/notification.h"

namespace tocsin::message {

/// The states of a delivery, as stored (the numbers are in databases). kReady, kClaimed and
/// kSending are unsettled; the others are settled.
enum class DeliveryState : std::uint8_t {
  kReady = 0,    ///< waits for next_at and a lane
  kClaimed = 1,  ///< in the memory of the instance whose epoch is in `owner`
  kSending = 2,  ///< marked before an attempt that must not be repeated blindly
  kDelivered = 3,
  kDead = 4,  ///< given up, with the reason: a dead letter
  kCancelled = 5,
  kFellBack = 6,  ///< replaced by a delivery to the fallback output
};
inline constexpr std::size_t kDeliveryStates = 7;

/// Where a dead letter stands with the people who look after it.
enum class ReviewState : std::uint8_t { kPending = 0, kApproved = 1, kDiscarded = 2 };

/// What moves a delivery from one state to the next.
enum class DeliveryEvent : std::uint8_t {
  kClaim,
  kMarkSending,
  kKeep,        ///< its output asked to wait: it keeps its place in the lane, unmarked again
  kRelease,     ///< back to ready: no room, drain, an address's gate
  kReschedule,  ///< back to ready at a later time after a failed attempt
  kDeliver,
  kDie,
  kCancel,
  kFallBack,
  kTakeOver,  ///< the owner's epoch is over
  kRedrive,   ///< a dead letter is sent again
};
inline constexpr std::size_t kDeliveryEvents = 11;

/// The one transition table: the state after `event`, or nothing when that pair must not happen. A
/// sending delivery that is taken over dies as ambiguous.
std::optional<DeliveryState> next_state(DeliveryState state, DeliveryEvent event);

/// "ready", "claimed", "sending", "delivered", "dead", "cancelled", "fell_back".
std::string_view state_name(DeliveryState state);
std::string_view review_name(ReviewState state);

/// Which of an output's two queues, the delivery's priority: critical goes before the rest. A route
/// decides it; where none does, the level.
enum class DeliveryClass : std::uint8_t { kCritical = 0, kNormal = 1 };
inline DeliveryClass class_of(Level level) {
  return level >= Level::kCritical ? DeliveryClass::kCritical : DeliveryClass::kNormal;
}
/// "critical", "normal".
std::string_view class_name(DeliveryClass priority);
std::optional<DeliveryClass> parse_class(std::string_view name);

}  // namespace tocsin::message
