#pragma once

#include <string>

#include "gateway/app/command_output.h"
#include "gateway/base/clock.h"
#include "gateway/config/environment.h"

namespace tocsin::app {

/// What `tocsin render` was told.
struct RenderArguments {
  std::string config_path;
  std::string output;
  std::string event_path;  ///< how messages call the event
  std::string event;       ///< its JSON
  WallTime now{};          ///< when it was accepted
  bool json = false;
  bool colour = false;
};

/// The notification cannot be sent by this output: a value is missing, or an address.
inline constexpr int kUnsentExit = 3;

/// Shows what an output makes of a notification: each of its templates, and where the output can be
/// tried without harm, its requests; secrets as ***. Nothing is sent. Exit codes: 0 it would be
/// sent, 3 it would not, 1 the configuration, the event or the output's name is wrong.
CommandOutput render(const RenderArguments& arguments, const config::Environment& environment);

}  // namespace tocsin::app
