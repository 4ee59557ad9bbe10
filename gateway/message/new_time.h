#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "gateway/base/clock.h"
#include "gateway/message/notification_codec.h"

namespace tocsin::message {

/// What asks for another time of delivery: {"deliver_at": RFC 3339} or {"delay": "5m"}, one of
/// them and nothing else. `delay` counts from `now`.
tl::expected<WallTime, Invalid> decode_new_time(std::string_view json, WallTime now);

}  // namespace tocsin::message
