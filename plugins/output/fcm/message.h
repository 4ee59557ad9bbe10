#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "json_object.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_fcm {

/// What FCM takes of a message: its texts, data and overrides, names included.
inline constexpr std::size_t kPayloadBytesMax = 4096;
inline constexpr std::size_t kTopicPayloadBytesMax = 2048;

/// What every message of an output says to one platform beside the rest.
struct Overrides {
  JsonObject android;
  JsonObject apns;
  JsonObject apns_headers;
  JsonObject webpush;
  JsonObject webpush_headers;

  /// From the options android, apns and webpush. False: the fault says which is no object.
  bool load(sdk::Value settings, sdk::Fault& fault);
};

enum class TargetKind : std::uint8_t { kToken, kTopic, kCondition };

/// What one message is made of; borrows its texts.
struct Message {
  TargetKind target_kind = TargetKind::kToken;
  std::string_view target;
  std::string_view title;  ///< none and no body either: nothing is shown by the system
  std::string_view body;
  std::string_view data;  ///< JSON; empty: none
  std::string_view id;    ///< for the app, which may drop a message that it got twice
  std::string_view collapse_key;
  bool urgent = false;
  std::int64_t expires_at = 0;  ///< seconds since 1970; 0: when FCM thinks it should
  std::int64_t now = 0;         ///< seconds since 1970
};

struct Written {
  std::string refusal;  ///< a sentence; empty: `json` can be sent
  std::string json;
  bool cut = false;  ///< the body did not fit whole
};

/// The body of a request to messages:send.
Written write_message(const Message& message, const Overrides& overrides);

/// Why FCM refuses such a name in `data`; empty: it takes it.
std::string_view data_name_fault(std::string_view name);

/// Why a topic cannot be called so; empty: it can.
std::string_view topic_fault(std::string_view topic);

}  // namespace tocsin::output_fcm
