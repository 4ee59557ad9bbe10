#include "gateway/app/letter_table.h"

#include <algorithm>
#include <utility>

#include "gateway/app/admin_client.h"
#include "gateway/app/text_table.h"
#include "gateway/base/json_reader.h"

namespace tocsin::app {

namespace {

Tone level_tone(std::string_view level) {
  if (level == "error" || level == "critical" || level == "emergency") return Tone::kBad;
  return level == "warning" ? Tone::kWarning : Tone::kPlain;
}

void put_field(std::string& out, std::string_view name, std::string_view value, bool colour) {
  constexpr std::size_t kNameColumns = 14;
  if (value.empty()) return;
  std::string label(name);
  label.resize(std::max(kNameColumns, name.size() + 1), ' ');
  out += toned(label, Tone::kFaint, colour) + printable(value) + "\n";
}

void put_notification(std::string& out, const Value& notification, bool colour) {
  for (const Value::Entry& member : notification.as<Value::Map>()) {
    if (member.value.is<std::string>()) {
      put_field(out, member.key, member.value.as<std::string>(), colour);
      continue;
    }
    std::string text;
    JsonWriter json(text);
    write_json(json, member.value);
    put_field(out, member.key, text, colour);
  }
}

}  // namespace

std::string letter_table(const Value::List& letters, bool colour) {
  TextTable table(
      {"ID", "OUTPUT", "ADDRESS", "TOPIC", "LEVEL", "ATTEMPTS", "DIED", "REVIEW", "REASON"});
  for (const Value& letter : letters) {
    const std::string_view level = text_member(letter, "level");
    table.add({text_member(letter, "id"), text_member(letter, "output"),
               text_member(letter, "address"), text_member(letter, "topic"),
               Cell(level, level_tone(level)), number_member(letter, "attempts"),
               Cell(short_time(text_member(letter, "died_at"))), text_member(letter, "review"),
               text_member(letter, "reason")});
  }
  return table.text(colour);
}

std::string letter_text(const Value& letter, bool colour) {
  std::string out;
  for (const std::string_view name : {"id", "output", "address", "review", "reason"}) {
    put_field(out, name, text_member(letter, name), colour);
  }
  put_field(out, "attempts", std::to_string(number_member(letter, "attempts")), colour);
  put_field(out, "died", text_member(letter, "died_at"), colour);
  put_field(out, "redrive_at", text_member(letter, "redrive_at"), colour);
  const Value* of = letter.find("of");
  if (of == nullptr || !of->is<Value::Map>()) return out;
  out += "\n";
  put_field(out, "notification", text_member(*of, "id"), colour);
  for (const std::string_view name : {"input", "caller"}) {
    put_field(out, name, text_member(*of, name), colour);
  }
  put_field(out, "accepted", text_member(*of, "accepted_at"), colour);
  const Value* notification = of->find("notification");
  if (notification == nullptr || !notification->is<Value::Map>()) return out;
  put_notification(out, *notification, colour);
  return out;
}

std::string counted_letters(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " dead letter" : " dead letters");
}

}  // namespace tocsin::app
