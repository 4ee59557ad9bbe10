#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"

namespace tocsin::admin {

/// A fault of a configuration file, as `tocsin check --json` shows it.
struct ConfigFault {
  std::string file;  ///< empty: no place
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string path;
  std::string message;
  std::string hint;
};

/// What a reload changed: "output ops-chat", "listener public", "routes".
struct ConfigChange {
  std::string what;
  std::string name;  ///< may be empty
  std::string how;   ///< added, removed, changed
};

struct ReloadOutcome {
  enum class Kind : std::uint8_t {
    kApplied,    ///< serves by it now
    kUnchanged,  ///< it says what the running one says
    kRefused,    ///< `faults` say why; the running one serves on
    kStopping,   ///< the gateway ends
    kUnderWay,   ///< another reload is not over yet
  };
  Kind kind = Kind::kRefused;
  std::uint64_t snapshot = 0;  ///< that serves
  Duration age{};              ///< of the reload under way
  std::vector<ConfigChange> changes;
  std::vector<ConfigFault> faults;
};

/// The configuration that serves, and how the last attempt to replace it went.
struct ConfigState {
  std::string path;
  std::uint64_t snapshot = 0;
  std::size_t alive = 0;  ///< snapshots, those that end included
  WallTime loaded_at{};
  bool last_reload_ok = true;
  WallTime last_reload_at{};              ///< the loading at start is the first
  std::optional<Duration> under_way_for;  ///< the age of the reload under way
  std::string inside;  ///< the call into a plugin that it is in: "output.sms: create of ..."
  std::vector<ConfigFault> faults;
};

/// The way to the configuration. Control loop.
class ConfigDoor {
 public:
  virtual ~ConfigDoor() = default;
  virtual ConfigState state() const = 0;
  /// Reads the files again, unless that is being done. Calls `done` once, possibly inside the call.
  virtual void reload(Function<void(const ReloadOutcome&)> done) = 0;
};

}  // namespace tocsin::admin
