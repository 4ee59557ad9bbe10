#include "gateway/app/event_fault.h"

#include "gateway/app/text_table.h"
#include "gateway/base/json_writer.h"

namespace tocsin::app {

CommandOutput invalid_event(const std::string& event_path, const message::Invalid& why, bool json) {
  CommandOutput output;
  output.exit_code = kFaultExit;
  if (!json) {
    const std::string where = why.pointer.empty() ? "" : why.pointer + ": ";
    output.err = printable(event_path + ": " + where + why.detail) + "\n" +
                 "no notification: its sender is answered 400\n";
    return output;
  }
  JsonWriter writer(output.out);
  writer.begin_object();
  writer.pair("outcome", "invalid");
  writer.pair("pointer", why.pointer);
  writer.pair("detail", why.detail);
  writer.end_object();
  output.out += "\n";
  return output;
}

}  // namespace tocsin::app
