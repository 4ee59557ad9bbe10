#pragma once

#include <optional>
#include <string>

#include "gateway/base/clock.h"

namespace tocsin::admin {

/// A new process that was to take this one's place and did not.
struct UpgradeFailure {
  std::string reason;  ///< "not_started", "ended", "not_ready", "ended_after_ready"
  std::string text;
  WallTime at{};
};

/// How the last attempt to replace this process went. Control loop.
class UpgradeDoor {
 public:
  virtual ~UpgradeDoor() = default;
  /// Nothing: there was none, or it is under way.
  virtual std::optional<UpgradeFailure> last_failure() const = 0;
};

}  // namespace tocsin::admin
