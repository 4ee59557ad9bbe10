#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/message/delivery.h"
#include "gateway/stage/emit.h"
#include "gateway/telemetry/log.h"

namespace tocsin::delivery {

/// The topic of what tells of dead letters. A notification of this topic is never told of itself.
inline constexpr std::string_view kDeadLetterTopic = "tocsin.dead_letter";
/// The input that it comes from.
inline constexpr std::string_view kDeadLetterInput = "dead_letters";

/// Tells of a delivery that was given up for good, by a notification that is filtered and routed
/// like any other. One per loop.
class DeadLetterNotices {
 public:
  /// Both outlive this object and every notice.
  DeadLetterNotices(stage::Emit& emit, telemetry::Log& log) : emit_(emit), log_(log) {}

  void tell(message::DeliveryId id, std::string_view output, std::string_view reason,
            std::uint32_t attempts);

 private:
  class Notice;

  stage::Emit& emit_;
  telemetry::Log& log_;
};

}  // namespace tocsin::delivery
