#pragma once

#include <gtest/gtest.h>

#include <string>

#include "gateway/message/notification_codec.h"

namespace tocsin::message {

/// Decodes at 2026-01-01T00:00:00Z, into arenas that live as long as the test.
class DecodeTest : public ::testing::Test {
 protected:
  static constexpr WallTime kNow{Duration(1'767'225'600'000'000'000)};

  tl::expected<Decoded, Invalid> decode(std::string_view json) {
    return decode_notification(json, arena_, {.now = kNow});
  }

  /// The notification of a text that must decode.
  const Notification& good(std::string_view json) {
    const auto decoded = decode(json);
    if (decoded) return *decoded->notification;
    ADD_FAILURE() << json << "\n" << decoded.error().pointer << ": " << decoded.error().detail;
    static const Notification kNone;
    return kNone;
  }

  /// "pointer: detail" of a text that must not decode.
  std::string fault(std::string_view json) {
    const auto decoded = decode(json);
    return decoded ? "decoded" : decoded.error().pointer + ": " + decoded.error().detail;
  }

  static std::string encode(const Notification& notification) {
    std::string text;
    JsonWriter writer(text);
    encode_notification(notification, writer);
    return text;
  }

  BlockPool pool_;
  Arena arena_{pool_, std::size_t{64} << 20};
};

}  // namespace tocsin::message
