#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tocsin/plugin.hpp"
#include "vapid.h"

namespace tocsin::output_webpush {

/// What an instance was configured to. Immutable.
struct Settings {
  Vapid vapid;
  std::string body;  ///< a template; empty: the notification as JSON
  std::int64_t ttl_seconds = 0;
  sdk::Transport transport;  ///< guarded: endpoints come from data

  /// Refuses what could never be sent.
  bool load(const sdk::Setup& setup, sdk::Fault& fault);
};

}  // namespace tocsin::output_webpush
