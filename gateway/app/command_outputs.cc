#include "gateway/app/command_outputs.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "gateway/app/age_text.h"
#include "gateway/app/text_table.h"
#include "gateway/base/json_writer.h"

namespace tocsin::app {

namespace {

Cell state_cell(const Value& output) {
  const std::string_view state = text_member(output, "state");
  const std::string_view reason = text_member(output, "reason");
  std::string text(state);
  if (!reason.empty()) text.append(": ").append(reason);
  if (state == "running") return {text, Tone::kGood};
  return {text, state == "paused" ? Tone::kBad : Tone::kWarning};
}

Cell lane_cell(const Value& output) {
  const std::string_view lane = text_member(output, "lane");
  if (lane.empty()) return {"-", Tone::kFaint};
  return {lane, lane == "spilled" ? Tone::kWarning : Tone::kPlain};
}

Cell breaker_cell(const Value& output) {
  const std::string_view breaker = text_member(output, "breaker");
  if (breaker.empty()) return {"-", Tone::kFaint};
  return {breaker, breaker == "closed" ? Tone::kPlain : Tone::kWarning};
}

// Whatever has not begun, on disk or in memory.
std::int64_t waiting_of(const Value& output) {
  const std::int64_t held = number_member(output, "in_memory") - number_member(output, "in_flight");
  return number_member(output, "ready") + std::max<std::int64_t>(0, held);
}

// For how long the oldest of those that wait has been due.
Cell age_cell(const Value& output) {
  if (output.find("oldest_ready_age_ms") == nullptr) return {"-", Tone::kFaint};
  const std::chrono::milliseconds age(number_member(output, "oldest_ready_age_ms"));
  return {age_text(age)};
}

std::string move_body(const MoveArguments& arguments) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.pair("from", arguments.from);
  json.pair("to", arguments.to);
  json.key("dead");
  json.boolean(arguments.dead);
  json.key("dry_run");
  json.boolean(arguments.dry_run);
  json.end_object();
  return body;
}

std::string counted_rows(std::int64_t ready, std::int64_t dead) {
  const std::string waiting =
      std::to_string(ready) + " waiting " + (ready == 1 ? "delivery" : "deliveries");
  return waiting + " and " + std::to_string(dead) + (dead == 1 ? " dead letter" : " dead letters");
}

// What holds now and may not hold after a crash.
std::string unkept_warning(const Value& answer) {
  const Value* kept = answer.find("kept");
  if (kept == nullptr || !kept->is<bool>() || kept->as<bool>()) return {};
  return "tocsin: the store takes nothing: this holds, and is kept as soon as it can be; "
         "a crash before that forgets it\n";
}

CommandOutput order_output(const std::string& name, std::string_view order,
                           const AdminArguments& arguments, AdminDoor& door) {
  const auto answer = ask_admin(
      door, {.method = "POST", .target = "/v1/outputs/" + encoded(name) + std::string(order)});
  if (!answer) return failed(answer.error(), arguments.json);
  std::string warning = unkept_warning(answer->json);
  if (arguments.json) return {0, answer->text, std::move(warning)};
  return {0, printable(name) + " " + printable(text_member(answer->json, "status")) + "\n",
          std::move(warning)};
}

}  // namespace

CommandOutput move_output(const MoveArguments& arguments, const AdminArguments& admin,
                          AdminDoor& door) {
  std::int64_t ready = 0;
  std::int64_t dead = 0;
  for (bool more = true; more;) {
    const auto answer = ask_admin(
        door, {.method = "POST", .target = "/v1/outputs/move", .body = move_body(arguments)});
    // What was removed from the configuration is known no longer once its last row has moved.
    if (!answer && answer.error().status == 404 && ready + dead > 0) break;
    if (!answer) {
      CommandOutput output = failed(answer.error(), admin.json);
      if (ready + dead > 0) output.err += counted_rows(ready, dead) + " moved before that\n";
      return output;
    }
    ready += number_member(answer->json, "ready");
    dead += number_member(answer->json, "dead");
    const Value* rest = answer->json.find("more");
    more = rest != nullptr && rest->is<bool>() && rest->as<bool>();
  }
  if (!admin.json) {
    return {0,
            (arguments.dry_run ? "would move " : "moved ") + counted_rows(ready, dead) + " of " +
                printable(arguments.from) + " to " + printable(arguments.to) + "\n",
            {}};
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("from", arguments.from);
  json.pair("to", arguments.to);
  json.key("ready");
  json.number(ready);
  json.key("dead");
  json.number(dead);
  json.key("dry_run");
  json.boolean(arguments.dry_run);
  json.end_object();
  return {0, text + "\n", {}};
}

CommandOutput list_outputs(const AdminArguments& arguments, AdminDoor& door) {
  const auto answer = ask_admin(door, {.target = "/v1/outputs"});
  if (!answer) return failed(answer.error(), arguments.json);
  if (arguments.json) return {0, answer->text, {}};
  TextTable table(
      {"OUTPUT", "TYPE", "LANE", "BREAKER", "IN FLIGHT", "WAITING", "OVERDUE", "DEAD", "STATE"});
  const Value* outputs = answer->json.find("outputs");
  if (outputs != nullptr && outputs->is<Value::List>()) {
    for (const Value& output : outputs->as<Value::List>()) {
      const std::int64_t dead = number_member(output, "dead");
      table.add({text_member(output, "name"), text_member(output, "type"), lane_cell(output),
                 breaker_cell(output), number_member(output, "in_flight"), waiting_of(output),
                 age_cell(output), Cell(dead, dead > 0 ? Tone::kBad : Tone::kPlain),
                 state_cell(output)});
    }
  }
  if (table.empty()) return {0, "no outputs\n", {}};
  return {0, table.text(arguments.colour), {}};
}

CommandOutput pause_output(const std::string& name, const AdminArguments& arguments,
                           AdminDoor& door) {
  return order_output(name, "/pause", arguments, door);
}

CommandOutput resume_output(const std::string& name, const AdminArguments& arguments,
                            AdminDoor& door) {
  return order_output(name, "/resume", arguments, door);
}

CommandOutput order_breaker(const std::string& name, const std::string& state,
                            const AdminArguments& arguments, AdminDoor& door) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.pair("state", state);
  json.end_object();
  const auto answer = ask_admin(
      door,
      {.method = "POST", .target = "/v1/outputs/" + encoded(name) + "/breaker", .body = body});
  if (!answer) return failed(answer.error(), arguments.json);
  std::string warning = unkept_warning(answer->json);
  if (arguments.json) return {0, answer->text, std::move(warning)};
  const std::string now = printable(text_member(answer->json, "breaker"));
  return {0, "the breaker of " + printable(name) + " is " + now + "\n", std::move(warning)};
}

}  // namespace tocsin::app
