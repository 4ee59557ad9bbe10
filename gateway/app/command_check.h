#pragma once

#include <string>

#include "gateway/app/command_output.h"
#include "gateway/config/environment.h"

namespace tocsin::app {

/// What `tocsin check` was told.
struct CheckArguments {
  std::string config_path;
  bool json = false;
  bool colour = false;
  bool create = false;  ///< also make and destroy every plugin instance, in a child process
};

/// Loads a gateway file and says what it configures (exit code 0) or what is wrong with it (1): for
/// people on standard error with source lines, for programs as one JSON object on standard output.
CommandOutput check(const CheckArguments& arguments, const config::Environment& environment);

}  // namespace tocsin::app
