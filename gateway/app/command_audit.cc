#include "gateway/app/command_audit.h"

#include <utility>

#include "gateway/app/text_table.h"

namespace tocsin::app {

namespace {

Cell result_cell(const Value& record) {
  const std::string_view result = text_member(record, "result");
  if (result == "ok") return {result, Tone::kGood};
  return {result, result == "refused" ? Tone::kWarning : Tone::kBad};
}

Cell who_cell(const Value& record) {
  const std::string_view who = text_member(record, "who");
  if (who.empty()) return {"-", Tone::kFaint};
  return {who};
}

}  // namespace

CommandOutput list_audit(const AuditArguments& arguments, const AdminArguments& admin,
                         AdminDoor& door) {
  AdminRequest request;
  request.target = "/v1/audit?limit=" + std::to_string(arguments.limit);
  if (!arguments.before.empty()) request.target += "&before=" + encoded(arguments.before);
  const auto answer = ask_admin(door, request);
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  TextTable table({"TIME", "WHO", "ROLE", "ACTION", "TARGET", "RESULT", "FROM", "DETAIL"});
  const Value* records = answer->json.find("audit");
  if (records != nullptr && records->is<Value::List>()) {
    for (const Value& record : records->as<Value::List>()) {
      table.add({Cell(short_time(text_member(record, "at"))), who_cell(record),
                 text_member(record, "role"), text_member(record, "action"),
                 text_member(record, "target"), result_cell(record), text_member(record, "peer"),
                 text_member(record, "detail")});
    }
  }
  if (table.empty()) return {0, "no changes\n", {}};
  std::string text = table.text(admin.colour);
  const std::string_view next = text_member(answer->json, "next");
  if (!next.empty()) {
    text += "\nThere may be more: tocsin audit --before " + printable(next) + "\n";
  }
  return {0, std::move(text), {}};
}

}  // namespace tocsin::app
