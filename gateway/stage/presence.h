#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "gateway/message/message.h"

namespace tocsin::stage {

/// Notes when one instance of foreign code is entered on one loop, where it is found by the next
/// process if this one dies there, and by the watchdog. The loop's thread.
class Presence {
 public:
  virtual ~Presence() = default;
  /// `callback` lives for ever; `delivery` is what the instance has in hand, or null.
  virtual void enter(const char* callback, const message::DeliveryId* delivery) = 0;
  /// Once for each enter(); those of several instances end in the opposite order.
  virtual void leave() = 0;
};

/// Where presences are noted. Any thread.
class PresenceBook {
 public:
  virtual ~PresenceBook() = default;
  /// For the instance `id` of `plugin` ("output/slack") on a loop. Null: it cannot be noted. The
  /// book outlives it.
  virtual std::unique_ptr<Presence> presence_of(std::string_view plugin, std::string_view id,
                                                std::size_t loop) = 0;
};

}  // namespace tocsin::stage
