#include "gateway/app/command_notifications.h"

#include <utility>

#include "gateway/app/text_table.h"

namespace tocsin::app {

CommandOutput find_notifications(const SearchArguments& arguments, const AdminArguments& admin,
                                 AdminDoor& door) {
  const bool by_key = arguments.external_id.empty();
  AdminRequest request;
  request.target = "/v1/notifications?limit=" + std::to_string(arguments.limit);
  request.target +=
      by_key ? "&key=" + encoded(arguments.key) : "&external_id=" + encoded(arguments.external_id);
  if (!arguments.before.empty()) request.target += "&before=" + encoded(arguments.before);
  const auto answer = ask_admin(door, request);
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  TextTable table({"ID", "ACCEPTED", "INPUT", "CALLER", "LEVEL", "TOPIC", "TITLE"});
  const Value* rows = answer->json.find("notifications");
  if (rows != nullptr && rows->is<Value::List>()) {
    for (const Value& row : rows->as<Value::List>()) {
      table.add({text_member(row, "id"), Cell(short_time(text_member(row, "accepted_at"))),
                 text_member(row, "input"), text_member(row, "caller"), text_member(row, "level"),
                 text_member(row, "topic"), text_member(row, "title")});
    }
  }
  if (table.empty()) return {0, "no such notifications\n", {}};
  std::string text = table.text(admin.colour);
  const std::string_view next = text_member(answer->json, "next");
  if (!next.empty()) text += "\nThere may be more: add --before " + printable(next) + "\n";
  return {0, std::move(text), {}};
}

}  // namespace tocsin::app
