#include "gateway/app/command_dlq.h"

#include <utility>

#include "gateway/app/text_table.h"
#include "gateway/base/json_reader.h"

namespace tocsin::app {

namespace {

constexpr std::string_view kLetters = "/v1/dead-letters";

Tone level_tone(std::string_view level) {
  if (level == "error" || level == "critical" || level == "emergency") return Tone::kBad;
  return level == "warning" ? Tone::kWarning : Tone::kPlain;
}

std::string past_of(std::string_view verb) {
  if (verb == "redrive") return "redriven";
  return std::string(verb) + (verb.ends_with('e') ? "d" : "ed");
}

std::string counted_letters(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " dead letter" : " dead letters");
}

std::string list_table(const Value::List& letters, bool colour) {
  TextTable table(
      {"ID", "OUTPUT", "ADDRESS", "TOPIC", "LEVEL", "ATTEMPTS", "DIED", "REVIEW", "REASON"});
  for (const Value& letter : letters) {
    const std::string_view level = text_member(letter, "level");
    table.add({text_member(letter, "id"), text_member(letter, "output"),
               text_member(letter, "address"), text_member(letter, "topic"),
               Cell(level, level_tone(level)), number_member(letter, "attempts"),
               Cell(short_time(text_member(letter, "updated_at"))), text_member(letter, "review"),
               text_member(letter, "reason")});
  }
  return table.text(colour);
}

std::string next_page_hint(const ListArguments& arguments, std::string_view next) {
  std::string text = "\nThere may be more: tocsin dlq list";
  if (!arguments.output.empty()) text += " --output " + printable(arguments.output);
  return text + " --before " + printable(next) + "\n";
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

std::string letter_text(const Value& letter, bool colour) {
  std::string out;
  for (const std::string_view name : {"id", "output", "address", "review", "reason"}) {
    put_field(out, name, text_member(letter, name), colour);
  }
  put_field(out, "attempts", std::to_string(number_member(letter, "attempts")), colour);
  put_field(out, "died", text_member(letter, "updated_at"), colour);
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

std::string line_of_review(const Value& answer) {
  std::string line = printable(text_member(answer, "id")) + " ";
  line += printable(text_member(answer, "status"));
  const std::string_view output = text_member(answer, "output");
  if (!output.empty()) line += ", back in the backlog of " + printable(output);
  return line + "\n";
}

std::string without_line_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

CommandOutput review_by_id(const ReviewArguments& arguments, const AdminArguments& admin,
                           AdminDoor& door) {
  CommandOutput output;
  std::string list;
  JsonWriter json(list);
  json.begin_array();
  for (const std::string& id : arguments.ids) {
    AdminRequest request{.method = "POST"};
    request.target.append(kLetters)
        .append("/")
        .append(encoded(id))
        .append("/")
        .append(arguments.verb);
    const auto answer = ask_admin(door, request);
    if (answer) {
      json.json(without_line_end(answer->text));
      if (!admin.json) output.out += line_of_review(answer->json);
      continue;
    }
    output.exit_code = kFaultExit;
    output.err += "tocsin: " + printable(id) + ": " + answer.error().message + "\n";
    if (answer.error().status != 404) break;  // the others would fail alike
  }
  json.end_array();
  if (admin.json) output.out = list + "\n";
  return output;
}

std::string sweep_body(const ReviewArguments& arguments, std::string_view before) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.pair("output", arguments.output);
  if (arguments.approved) json.pair("review", "approved");
  if (!before.empty()) json.pair("before", before);
  json.end_object();
  return body;
}

CommandOutput review_all(const ReviewArguments& arguments, const AdminArguments& admin,
                         AdminDoor& door) {
  const std::string target = std::string(kLetters) + "/" + std::string(arguments.verb);
  std::int64_t changed = 0;
  std::string next;
  do {
    const auto answer =
        ask_admin(door, {.method = "POST", .target = target, .body = sweep_body(arguments, next)});
    if (!answer) {
      CommandOutput output = failed(answer.error(), admin.json);
      output.err += counted_letters(changed) + " of " + printable(arguments.output) + " " +
                    past_of(arguments.verb) + " before that\n";
      return output;
    }
    changed += number_member(answer->json, "changed");
    next = text_member(answer->json, "next");
  } while (!next.empty());
  if (!admin.json) {
    return {0,
            past_of(arguments.verb) + " " + counted_letters(changed) + " of " +
                printable(arguments.output) + "\n",
            {}};
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("output", arguments.output);
  json.key("changed");
  json.number(changed);
  json.end_object();
  return {0, text + "\n", {}};
}

}  // namespace

CommandOutput list_dead_letters(const ListArguments& arguments, const AdminArguments& admin,
                                AdminDoor& door) {
  AdminRequest request;
  request.target = std::string(kLetters) + "?limit=" + std::to_string(arguments.limit);
  if (!arguments.output.empty()) request.target += "&output=" + encoded(arguments.output);
  if (!arguments.before.empty()) request.target += "&before=" + encoded(arguments.before);
  const auto answer = ask_admin(door, request);
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  const Value* letters = answer->json.find("dead_letters");
  if (letters == nullptr || !letters->is<Value::List>() || letters->as<Value::List>().empty()) {
    return {0, "no dead letters\n", {}};
  }
  std::string text = list_table(letters->as<Value::List>(), admin.colour);
  const std::string_view next = text_member(answer->json, "next");
  if (!next.empty()) text += next_page_hint(arguments, next);
  return {0, std::move(text), {}};
}

CommandOutput show_dead_letter(const std::string& id, const AdminArguments& admin,
                               AdminDoor& door) {
  const auto answer = ask_admin(door, {.target = std::string(kLetters) + "/" + encoded(id)});
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  return {0, letter_text(answer->json, admin.colour), {}};
}

CommandOutput review_dead_letters(const ReviewArguments& arguments, const AdminArguments& admin,
                                  AdminDoor& door) {
  const bool by_id = !arguments.ids.empty();
  const bool by_output = arguments.all && !arguments.output.empty();
  const bool halves = arguments.all != !arguments.output.empty();
  if (by_id == by_output || halves || (by_id && arguments.approved)) {
    return wrong_usage("name dead letters by their ids, or all of an output: --output X --all");
  }
  return by_id ? review_by_id(arguments, admin, door) : review_all(arguments, admin, door);
}

}  // namespace tocsin::app
