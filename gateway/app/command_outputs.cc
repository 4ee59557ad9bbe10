#include "gateway/app/command_outputs.h"

#include "gateway/app/text_table.h"

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

}  // namespace

CommandOutput list_outputs(const AdminArguments& arguments, AdminDoor& door) {
  const auto answer = ask_admin(door, {.target = "/v1/outputs"});
  if (!answer) return failed(answer.error(), arguments.json);
  if (arguments.json) return {0, answer->text, {}};
  TextTable table({"OUTPUT", "TYPE", "LANE", "IN FLIGHT", "WAITING", "DEAD", "STATE"});
  const Value* outputs = answer->json.find("outputs");
  if (outputs != nullptr && outputs->is<Value::List>()) {
    for (const Value& output : outputs->as<Value::List>()) {
      const std::int64_t dead = number_member(output, "dead");
      table.add({text_member(output, "name"), text_member(output, "type"), lane_cell(output),
                 number_member(output, "in_flight"), number_member(output, "ready"),
                 Cell(dead, dead > 0 ? Tone::kBad : Tone::kPlain), state_cell(output)});
    }
  }
  if (table.empty()) return {0, "no outputs\n", {}};
  return {0, table.text(arguments.colour), {}};
}

CommandOutput resume_output(const std::string& name, const AdminArguments& arguments,
                            AdminDoor& door) {
  const auto answer =
      ask_admin(door, {.method = "POST", .target = "/v1/outputs/" + encoded(name) + "/resume"});
  if (!answer) return failed(answer.error(), arguments.json);
  if (arguments.json) return {0, answer->text, {}};
  return {0, printable(name) + " " + printable(text_member(answer->json, "status")) + "\n", {}};
}

}  // namespace tocsin::app
