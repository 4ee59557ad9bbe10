#pragma once

#include <utility>

#include "gateway/base/arena.h"
#include "gateway/message/notification.h"

namespace tocsin::message {

/// A notification with the bytes it stands on: counted, immutable, cheap to copy, any thread. What
/// was accepted keeps its wire text in `payload`, so that storing and sending need no encoder.
class Message {
 public:
  Message() = default;
  /// `notification` and `payload` must lie in `bytes`.
  Message(SealedArena bytes, const Notification& notification, std::string_view payload)
      : bytes_(std::move(bytes)), notification_(&notification), payload_(payload) {}

  explicit operator bool() const { return notification_ != nullptr; }
  const Notification& operator*() const { return *notification_; }
  const Notification* operator->() const { return notification_; }

  /// The notification as one JSON object in the wire format (notification_codec.h).
  std::string_view payload() const { return payload_; }

 private:
  SealedArena bytes_;
  const Notification* notification_ = nullptr;
  std::string_view payload_;
};

}  // namespace tocsin::message
