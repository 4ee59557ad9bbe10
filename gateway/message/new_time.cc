#include "gateway/message/new_time.h"

#include <cstdint>
#include <string>
#include <utility>

#include "gateway/base/json_reader.h"
#include "gateway/base/units.h"
#include "gateway/message/pointer.h"
#include "gateway/message/time_text.h"

namespace tocsin::message {

namespace {

tl::unexpected<Invalid> invalid(std::string pointer, std::string detail) {
  return tl::unexpected(Invalid{std::move(pointer), std::move(detail)});
}

tl::expected<WallTime, Invalid> after(const std::string& text, WallTime now) {
  Result<Duration> delay = parse_duration(text);
  if (!delay) return invalid("/delay", "is not a duration: " + std::move(delay.error().what));
  std::int64_t ns = 0;
  if (__builtin_add_overflow(now.time_since_epoch().count(), delay->count(), &ns)) {
    return invalid("/delay", "reaches beyond the year 2261");
  }
  return WallTime(Duration(ns));
}

tl::expected<WallTime, Invalid> at(const std::string& text) {
  Result<WallTime> time = parse_time(text);
  if (!time) return invalid("/deliver_at", "is not a time: " + std::move(time.error().what));
  return *time;
}

}  // namespace

tl::expected<WallTime, Invalid> decode_new_time(std::string_view json, WallTime now) {
  Result<Value> document = read_json(json);
  if (!document) return invalid("", std::move(document.error().what));
  if (!document->is<Value::Map>()) return invalid("", "must be an object");
  const Value::Map& members = document->as<Value::Map>();
  for (const Value::Entry& member : members) {
    if (member.key == "deliver_at" || member.key == "delay") continue;
    std::string pointer;
    append_pointer_token(pointer, member.key);
    return invalid(std::move(pointer), "only deliver_at or delay can be changed");
  }
  if (members.size() != 1) return invalid("", "give deliver_at or delay");
  const Value::Entry& member = members.front();
  if (!member.value.is<std::string>()) return invalid("/" + member.key, "must be a string");
  const std::string& text = member.value.as<std::string>();
  return member.key == "delay" ? after(text, now) : at(text);
}

}  // namespace tocsin::message
