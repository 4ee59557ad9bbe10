#pragma once

#include <string>

#include "gateway/app/command_output.h"
#include "gateway/message/notification_codec.h"

namespace tocsin::app {

/// What a command says of an event that is no notification; exit code 1.
CommandOutput invalid_event(const std::string& event_path, const message::Invalid& why, bool json);

}  // namespace tocsin::app
