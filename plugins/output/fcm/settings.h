#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "message.h"
#include "service_account.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_fcm {

/// What an instance was configured to. Immutable.
struct Settings {
  static constexpr std::uint32_t kNeverUrgent = TOCSIN_LEVEL_EMERGENCY + 1;

  /// Shared with an exchange that outlives a reload.
  std::shared_ptr<const ServiceAccount> account;
  std::string send_url;
  std::string topic;  // these four are templates; empty: none
  std::string condition;
  std::string title;
  std::string body;
  std::uint32_t urgent_from = TOCSIN_LEVEL_WARNING;
  bool collapse = true;
  Overrides overrides;
  sdk::Transport transport;

  /// Refuses what could never be sent.
  bool load(const sdk::Setup& setup, sdk::Fault& fault);
  bool has_own_target() const { return !topic.empty() || !condition.empty(); }
};

}  // namespace tocsin::output_fcm
