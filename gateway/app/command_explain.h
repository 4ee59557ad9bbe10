#pragma once

#include <string>

#include "gateway/app/command_output.h"
#include "gateway/base/clock.h"
#include "gateway/config/environment.h"

namespace tocsin::app {

/// The event was understood, and nobody hears of it: dropped, unrouted, or without an address.
inline constexpr int kNobodyExit = 3;

/// What `tocsin explain` was told.
struct ExplainArguments {
  std::string config_path;
  std::string event_path;  ///< how messages call the event
  std::string event;       ///< its JSON
  WallTime now{};          ///< what `delay` and `expires_at` are seen from
  bool json = false;
  bool colour = false;
};

/// Plays one event through a configuration, without a gateway, and says what becomes of it and why.
/// Exit codes: 0 somebody hears of it, 3 nobody does, 1 the configuration or the event is wrong.
CommandOutput explain(const ExplainArguments& arguments, const config::Environment& environment);

}  // namespace tocsin::app
