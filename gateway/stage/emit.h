#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/message/notification.h"

namespace tocsin::stage {

/// One notification as its sender wrote it. Borrowed during emit().
struct EmitItem {
  std::string_view json;
  std::string_view idempotency_key;  ///< empty: the item's own "idempotency_key", else none
};

/// What came of one item.
struct EmitOutcome {
  enum class Kind : std::uint8_t {
    kCommitted,  ///< durable: id, deliveries
    kDropped,    ///< by the filter in `text`
    kUnrouted,   ///< no route takes it
    kNoAddress,  ///< routed, but nobody to deliver to
    kTooMany,    ///< more than kDeliveriesMax deliveries
    kReplayed,   ///< an earlier request with this key: id, deliveries, or the filter in `text`
    kConflict,   ///< an earlier request with this key had another body
    kInvalid,    ///< pointer and text say where and why
    kStoreDown,  ///< nothing is promised, and nearly always nothing kept; `retry_after`
    kFull,       ///< nothing was kept; `retry_after`, and in text why if it is not for want of room
  };
  Kind kind = Kind::kStoreDown;
  message::NotificationId id;
  std::uint32_t deliveries = 0;
  std::string pointer;
  std::string text;
  Duration retry_after = Duration::zero();
};

inline constexpr std::size_t kDeliveriesMax = 1000;
inline constexpr std::size_t kEmitItemsMax = 1000;

/// Hears the outcomes of one emit.
class EmitDone {
 public:
  virtual ~EmitDone() = default;
  /// One outcome per item, in their order; once, on the loop that emitted, never inside emit().
  virtual void on_emitted(std::span<const EmitOutcome> outcomes) = 0;
};

struct EmitRequest {
  std::string_view input;   ///< the input's name
  std::string_view caller;  ///< whose notifications they are; empty: nobody's
  /// Emits of one stream are appended in order; 0 promises no order.
  std::uint64_t stream = 0;
  std::span<const EmitItem> items;  ///< at most kEmitItemsMax; appended in one transaction
};

/// The way in, one per loop.
class Emit {
 public:
  virtual ~Emit() = default;
  /// False: too much waits (kFull for every item); `done` is not called.
  [[nodiscard]] virtual bool emit(const EmitRequest& request, EmitDone& done) = 0;
  /// Forgets `done`; what was emitted goes on.
  virtual void abandon(EmitDone& done) = 0;
};

}  // namespace tocsin::stage
