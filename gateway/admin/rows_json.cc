#include "gateway/admin/rows_json.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "gateway/base/json_reader.h"
#include "gateway/telemetry/timestamp.h"

namespace tocsin::admin {

namespace {

// As deep as the codec lets `data` be: a payload was decoded once already.
constexpr JsonLimits kPayloadLimits = {.depth_max = 1024};

void pair_unless_empty(JsonWriter& json, std::string_view name, std::string_view value) {
  if (!value.empty()) json.pair(name, value);
}

}  // namespace

void count_pair(JsonWriter& json, std::string_view name, std::uint64_t count) {
  json.key(name);
  json.number(static_cast<std::int64_t>(count));
}

void time_pair(JsonWriter& json, std::string_view name, WallTime time) {
  std::string text;
  telemetry::append_timestamp(text, time);
  json.pair(name, text);
}

void delivery_members(JsonWriter& json, const stage::DeliveryRow& row) {
  using message::DeliveryState;
  json.pair("id", row.id.text());
  json.pair("output", row.output);
  pair_unless_empty(json, "address", row.address);
  json.pair("state", message::state_name(row.state));
  if (row.state == DeliveryState::kDead) json.pair("review", message::review_name(row.review));
  count_pair(json, "attempts", row.attempts);
  if (row.state == DeliveryState::kReady) time_pair(json, "next_at", row.next_at);
  if (row.state == DeliveryState::kDead) time_pair(json, "died_at", row.next_at);
  if (row.redrive_at) time_pair(json, "redrive_at", *row.redrive_at);
  time_pair(json, "updated_at", row.updated_at);
  pair_unless_empty(json, "reason", row.reason);
  pair_unless_empty(json, "provider_id", row.provider_id);
  if (row.cancel_requested) {
    json.key("cancel_requested");
    json.boolean(true);
  }
}

void notification_members(JsonWriter& json, const stage::NotificationRow& row) {
  json.pair("id", row.id.text());
  json.pair("input", row.input);
  pair_unless_empty(json, "caller", row.caller);
  time_pair(json, "accepted_at", row.accepted_at);
  json.key("notification");
  json.json(row.payload);
}

void summary_members(JsonWriter& json, const stage::NotificationRow& row) {
  const Result<Value> payload = read_json(row.payload, kPayloadLimits);
  if (!payload || !payload->is<Value::Map>()) return;
  constexpr std::array<std::string_view, 3> kShown = {"topic", "level", "title"};
  for (const std::string_view name : kShown) {
    const Value* value = payload->find(name);
    if (value != nullptr && value->is<std::string>()) json.pair(name, value->as<std::string>());
  }
}

void letter_members(JsonWriter& json, const stage::DeliveryRow& row,
                    const stage::NotificationRow* of) {
  delivery_members(json, row);
  json.pair("notification", row.id.notification.text());
  if (of != nullptr) summary_members(json, *of);
}

std::string topic_of(const stage::NotificationRow& row) {
  const Result<Value> payload = read_json(row.payload, kPayloadLimits);
  if (!payload || !payload->is<Value::Map>()) return {};
  const Value* topic = payload->find("topic");
  return topic != nullptr && topic->is<std::string>() ? topic->as<std::string>() : std::string();
}

void oldest_ready_members(JsonWriter& json, std::optional<WallTime> oldest, WallTime now) {
  if (!oldest) return;
  const Duration age = std::max(Duration::zero(), now - *oldest);
  time_pair(json, "oldest_ready_at", *oldest);
  json.key("oldest_ready_age_ms");
  json.number(std::chrono::duration_cast<std::chrono::milliseconds>(age).count());
}

}  // namespace tocsin::admin
