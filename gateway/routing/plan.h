#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/message/delivery.h"
#include "gateway/message/message.h"
#include "gateway/message/notification_codec.h"
#include "gateway/routing/router.h"
#include "gateway/stage/output.h"

namespace tocsin::routing {

/// One delivery to be: to which output and which address.
struct Planned {
  std::uint32_t output = 0;
  std::string_view address;  ///< "kind:value", or empty: the output's own
  Duration delay{};          ///< not before so long from now
  message::DeliveryClass queue = message::DeliveryClass::kNormal;
};

struct Plan {
  enum class Kind : std::uint8_t {
    kPlanned,
    kUnrouted,   ///< no route takes it
    kNoAddress,  ///< routed, but no output has anybody to deliver to
    kTooMany,    ///< more than stage::kDeliveriesMax deliveries
    kNoMemory,   ///< the arena's limit, or the machine's
  };
  Kind kind = Kind::kUnrouted;
  message::Message message;             ///< kPlanned only; holds what `deliveries` views
  std::span<const Planned> deliveries;  ///< never empty when kPlanned
};

/// Turns a notification into the deliveries it asks for, and seals it. An output that takes a kind
/// of address delivers to every recipient of that kind, else to its own address if it has one. One
/// per loop: it keeps room to work in.
class Planner {
 public:
  /// `router` and `scripts` (of this loop, as Route::script_index counts them) must outlive it.
  /// `outputs` in the order that routes count them.
  Planner(const Router& router, std::span<const stage::OutputTraits> outputs,
          std::vector<stage::RouteScript*> scripts = {});

  /// `arena` is what `decoded` stands in; it is sealed only when kPlanned. `is_changed`: the
  /// notification is no longer what was received.
  Plan plan(Arena& arena, const message::Decoded& decoded, bool is_changed);

 private:
  struct Destination {
    std::string kind;
    bool has_own = true;
  };

  std::size_t count(const message::Notification& notification, std::size_t index) const;
  /// Calls `take(recipient)` for each that an output, the one at `index` of the result, delivers
  /// to.
  template <typename Take>
  void each_recipient(const message::Notification& notification, std::size_t index,
                      Take&& take) const;
  bool address(Arena& arena, const message::Notification& notification,
               std::span<Planned> deliveries) const;
  std::optional<std::string_view> payload(Arena& arena, const message::Decoded& decoded,
                                          bool is_changed);

  const Router& router_;
  const std::vector<stage::RouteScript*> scripts_;
  std::vector<Destination> destinations_;
  RouteResult result_;
  std::string text_;
  JsonWriter writer_{text_};
};

}  // namespace tocsin::routing
