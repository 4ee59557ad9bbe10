#include "gateway/app/rejection_text.h"

#include "gateway/config/limits.h"

namespace tocsin::app {

namespace {

std::string faults_json(const config::Diagnostics& faults) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("ok");
  json.boolean(false);
  append_faults(json, "errors", faults);
  json.end_object();
  return out + "\n";
}

}  // namespace

void append_faults(JsonWriter& json, std::string_view key, const config::Diagnostics& faults) {
  json.key(key);
  json.begin_array();
  for (const config::Diagnostic& fault : faults) {
    json.begin_object();
    json.pair("file", fault.place.file ? *fault.place.file : std::string());
    json.key("line");
    json.number(fault.place.line);
    json.key("column");
    json.number(fault.place.column);
    json.pair("path", fault.path);
    json.pair("message", fault.message);
    json.pair("hint", fault.hint);
    json.end_object();
  }
  json.end_array();
}

CommandOutput rejected(const config::Rejection& rejection, const RejectionStyle& style) {
  CommandOutput output;
  output.exit_code = kFaultExit;
  if (style.json) {
    output.out = faults_json(rejection.diagnostics);
    return output;
  }
  config::append_text(output.err, rejection.diagnostics, rejection.sources,
                      {style.colour, config::kDiagnosticsShown});
  const std::size_t count = rejection.diagnostics.size();
  output.err +=
      std::to_string(count) + (count == 1 ? " fault in " : " faults in ") + style.path + "\n";
  return output;
}

}  // namespace tocsin::app
