#pragma once

#include <string>
#include <string_view>

#include "gateway/app/command_output.h"
#include "gateway/base/json_writer.h"
#include "gateway/config/load.h"

namespace tocsin::app {

/// Writes a key and an array of faults, or warnings, each with its place.
void append_faults(JsonWriter& json, std::string_view key, const config::Diagnostics& faults);

/// How a command tells of a configuration that was refused.
struct RejectionStyle {
  std::string path;  ///< of the file that was asked for
  bool json = false;
  bool colour = false;
};

/// Exit code 1 and every fault: for people on standard error with source lines, for programs as one
/// JSON object, `{"ok": false, "errors": [...]}`, on standard output.
CommandOutput rejected(const config::Rejection& rejection, const RejectionStyle& style);

}  // namespace tocsin::app
