#pragma once

#include <optional>
#include <string>

#include "gateway/base/json_writer.h"
#include "gateway/stage/storage.h"

namespace tocsin::admin {

/// key and number, for counts that fit 63 bits.
void count_pair(JsonWriter& json, std::string_view name, std::uint64_t count);
/// key and RFC 3339 time in UTC with milliseconds.
void time_pair(JsonWriter& json, std::string_view name, WallTime time);

/// The members of a delivery as the API shows it, inside an open object. A dead one has `review`, a
/// waiting one `next_at`; what is empty is left out.
void delivery_members(JsonWriter& json, const stage::DeliveryRow& row);

/// {"id", "input", "caller", "accepted_at", "notification": the wire format}
void notification_members(JsonWriter& json, const stage::NotificationRow& row);

/// What a list shows of a dead letter; `of` is its notification, or null when it is not known.
void letter_members(JsonWriter& json, const stage::DeliveryRow& row,
                    const stage::NotificationRow* of);

/// What a list shows of a notification: `topic`, `level`, `title`.
void summary_members(JsonWriter& json, const stage::NotificationRow& row);
/// Its topic alone.
std::string topic_of(const stage::NotificationRow& row);

/// Since when, and for how long, somebody has been due; nothing, when nobody is.
void oldest_ready_members(JsonWriter& json, std::optional<WallTime> oldest, WallTime now);

}  // namespace tocsin::admin
