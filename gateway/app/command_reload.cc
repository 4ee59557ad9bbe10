#include "gateway/app/command_reload.h"

#include "gateway/app/text_table.h"
#include "gateway/base/json_reader.h"

namespace tocsin::app {

namespace {

// "file:line:column: path: message; hint"
std::string fault_line(const Value& fault) {
  std::string text = printable(text_member(fault, "file"));
  if (number_member(fault, "line") > 0) {
    text += ":" + std::to_string(number_member(fault, "line")) + ":" +
            std::to_string(number_member(fault, "column"));
  }
  for (const std::string_view part : {text_member(fault, "path"), text_member(fault, "message")}) {
    if (!part.empty()) text.append(text.empty() ? "" : ": ").append(printable(part));
  }
  const std::string_view hint = text_member(fault, "hint");
  if (!hint.empty()) text.append("; ").append(printable(hint));
  return text + "\n";
}

std::string refusal_text(const std::string& document) {
  std::string text = "tocsin: the configuration was refused; the one before serves on\n";
  const auto read = read_json(document);
  if (!read || !read->is<Value::Map>()) return text;
  const Value* errors = read->find("errors");
  if (errors == nullptr || !errors->is<Value::List>()) return text;
  for (const Value& fault : errors->as<Value::List>()) {
    if (fault.is<Value::Map>()) text += fault_line(fault);
  }
  return text;
}

}  // namespace

CommandOutput reload(const AdminArguments& arguments, AdminDoor& door) {
  const auto answer = ask_admin(door, {.method = "POST", .target = "/v1/reload"});
  if (!answer) {
    if (answer.error().status != 422 || arguments.json) {
      return failed(answer.error(), arguments.json);
    }
    return {kFaultExit, {}, refusal_text(answer.error().document)};
  }
  if (arguments.json) return {0, answer->text, {}};
  const std::string snapshot = std::to_string(number_member(answer->json, "snapshot"));
  if (text_member(answer->json, "status") == "unchanged") {
    return {0, "nothing changed; snapshot " + snapshot + " serves on\n", {}};
  }
  TextTable table({"CHANGE", "WHAT", "NAME"});
  const Value* changes = answer->json.find("changes");
  if (changes != nullptr && changes->is<Value::List>()) {
    for (const Value& change : changes->as<Value::List>()) {
      table.add(
          {text_member(change, "how"), text_member(change, "what"), text_member(change, "name")});
    }
  }
  return {0, table.text(arguments.colour) + "snapshot " + snapshot + " serves\n", {}};
}

}  // namespace tocsin::app
