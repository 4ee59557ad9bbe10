#include "gateway/app/command_suppressions.h"

#include <utility>

#include "gateway/app/text_table.h"
#include "gateway/base/json_writer.h"

namespace tocsin::app {

namespace {

std::string body_of(const SuppressionArguments& arguments) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.pair("address", arguments.address);
  if (!arguments.reason.empty()) json.pair("reason", arguments.reason);
  if (!arguments.ttl.empty()) json.pair("ttl", arguments.ttl);
  json.end_object();
  return body;
}

CommandOutput change(const std::string& target, const std::string& body,
                     const AdminArguments& admin, AdminDoor& door) {
  const auto answer = ask_admin(door, {.method = "POST", .target = target, .body = body});
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  return {0,
          printable(text_member(answer->json, "address")) + " " +
              printable(text_member(answer->json, "status")) + "\n",
          {}};
}

}  // namespace

CommandOutput list_suppressions(const SuppressionArguments& arguments, const AdminArguments& admin,
                                AdminDoor& door) {
  AdminRequest request;
  request.target = "/v1/suppressions?limit=" + std::to_string(arguments.limit);
  if (!arguments.prefix.empty()) request.target += "&prefix=" + encoded(arguments.prefix);
  if (!arguments.after.empty()) request.target += "&after=" + encoded(arguments.after);
  const auto answer = ask_admin(door, request);
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  TextTable table({"ADDRESS", "SINCE", "UNTIL", "BY", "REASON"});
  const Value* rows = answer->json.find("suppressions");
  if (rows != nullptr && rows->is<Value::List>()) {
    for (const Value& row : rows->as<Value::List>()) {
      const std::string_view until = text_member(row, "until");
      table.add({text_member(row, "address"), Cell(short_time(text_member(row, "since"))),
                 until.empty() ? Cell("-", Tone::kFaint) : Cell(short_time(until)),
                 text_member(row, "by"), text_member(row, "reason")});
    }
  }
  if (table.empty()) return {0, "no suppressed addresses\n", {}};
  std::string text = table.text(admin.colour);
  const std::string_view next = text_member(answer->json, "next");
  if (!next.empty()) {
    text += "\nThere may be more: tocsin suppressions list --after " + printable(next) + "\n";
  }
  return {0, std::move(text), {}};
}

CommandOutput add_suppression(const SuppressionArguments& arguments, const AdminArguments& admin,
                              AdminDoor& door) {
  return change("/v1/suppressions", body_of(arguments), admin, door);
}

CommandOutput remove_suppression(const SuppressionArguments& arguments, const AdminArguments& admin,
                                 AdminDoor& door) {
  return change("/v1/suppressions/remove", body_of({.address = arguments.address}), admin, door);
}

}  // namespace tocsin::app
