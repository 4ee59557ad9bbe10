#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/message/notification.h"

namespace tocsin::stage {

enum class FilterStatus : std::uint8_t {
  kPass,
  kDrop,  ///< nobody hears of it; answered as dropped by this filter, and counted
  kHold,  ///< decided later through FilterCall::decide
};

/// A filter's way back for one notification. Loop thread. Valid until the decision.
class FilterCall {
 public:
  virtual ~FilterCall() = default;

  /// What to filter. Changes go through this reference: the filter runs before sealing. Texts it
  /// sets must live in the arena.
  virtual message::Notification& notification() = 0;
  virtual Arena& arena() = 0;

  /// The notification's identity (input and idempotency key, or a place in a stream); empty when it
  /// has none. The same identity again is the same notification, never its duplicate.
  virtual std::string_view identity() const = 0;

  /// Asks for on_outcome with this number once the notification's fate is known.
  virtual void remember(std::uint64_t reservation) = 0;

  /// Why the filter decides as it does, for people, in a sentence without a full stop. Before the
  /// decision; nobody listens while a gateway serves.
  virtual void because(std::string_view /*reason*/) {}

  /// Ends a hold; once.
  virtual void decide(FilterStatus status) = 0;
};

/// A notification filter on one loop.
class Filter {
 public:
  virtual ~Filter() = default;
  /// The name that answers and metrics show: its id, else its type.
  virtual std::string_view name() const = 0;
  virtual FilterStatus on_message(FilterCall& call) = 0;
  /// The fate of a notification for which remember() was called; exactly once for each. False also
  /// when a later filter dropped it or it was answered from an earlier request.
  virtual void on_outcome(std::uint64_t /*reservation*/, bool /*committed*/) {}
};

}  // namespace tocsin::stage
