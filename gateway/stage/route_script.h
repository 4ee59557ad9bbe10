#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/message/delivery.h"
#include "gateway/message/notification.h"

namespace tocsin::stage {

/// What a routing script said of one notification. Kept and used again, so that it allocates
/// nothing once it is large enough.
struct RouteOpinion {
  bool has_one = false;                 ///< false: nothing to say, go on
  bool goes_on = false;                 ///< later routes are asked as well
  std::vector<std::uint32_t> outputs;   ///< as the routes count them
  std::vector<std::string> recipients;  ///< "kind:value", instead of the notification's; empty: its
  std::optional<Duration> delay;        ///< not before so long from now
  std::optional<message::DeliveryClass> priority;  ///< none: as the route or the level says
  std::string reason;   ///< why, in its own words, for people; may be empty
  std::string problem;  ///< why it has none, for people; empty: it wanted none

  void clear() {
    has_one = goes_on = false;
    outputs.clear();
    recipients.clear();
    delay.reset();
    priority.reset();
    reason.clear();
    problem.clear();
  }
};

/// A route that is decided by code, on one loop. It answers at once, and whatever goes wrong in it
/// is no opinion: the routes below still decide.
class RouteScript {
 public:
  virtual ~RouteScript() = default;
  virtual void route(const message::Notification& notification, RouteOpinion& opinion) = 0;
};

}  // namespace tocsin::stage
