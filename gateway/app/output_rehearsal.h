#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/app/plugin_catalog.h"
#include "gateway/base/clock.h"
#include "gateway/base/value.h"
#include "gateway/message/notification.h"
#include "gateway/message/verdict.h"
#include "gateway/plugin/instance.h"
#include "gateway/telemetry/log.h"

namespace tocsin::app {

/// What an output makes of one notification. Secrets stand in it as they are.
struct RehearsedOutput {
  struct Text {
    std::string option;
    std::string text;
    std::string fault;  ///< why there is no text; empty: there is
  };
  struct Request {
    std::string method;
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
  };

  std::string address;        ///< "kind:value"; empty: the output's own
  std::size_t addresses = 0;  ///< that the notification names for it; `address` is the first
  bool has_address = true;    ///< false: it would not be delivered at all
  std::vector<Text> texts;    ///< of every template that the output has
  bool played = false;        ///< the output ran, and what follows is what it did
  std::vector<Request> requests;
  std::optional<message::Verdict> verdict;  ///< what it came to without an answer from anybody
};

/// Makes the output, with its templates, and where it says that this is harmless
/// (OutputTraits::rehearses) gives it the notification as a first attempt begun at `now`: its
/// requests are caught, and nothing leaves the process. `output` was accepted by load_gateway with
/// this catalog. One thread; blocks in the plugin.
tl::expected<RehearsedOutput, plugin::Refusal> rehearse_output(
    const Value::Entry& output, const PluginCatalog& catalog,
    const message::Notification& notification, WallTime now, telemetry::Log& log);

}  // namespace tocsin::app
