#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/delivery/pace_state.h"
#include "gateway/stage/storage.h"

namespace tocsin::delivery {

inline constexpr std::string_view kPaceCollection = "lane_paces";

/// What is known of the pace of lanes that may be made: read from the store when it opens, handed
/// over by the process before, or left by a lane that ended. Part of the estate; any thread.
class PaceBook {
 public:
  /// `instance` tells gateways on one store apart; a gateway finds again what was written under
  /// its own.
  explicit PaceBook(std::string instance) : instance_(std::move(instance)) {}

  /// Reads what was kept for this instance. Errors are the storage's.
  Result<void> load(stage::Storage& storage, WallTime now);

  std::optional<PaceState> find(std::string_view output) const;
  /// That is the output's from now on.
  void note(const std::string& output, const PaceState& state);
  /// Whether the store may have a record of it; `is` says so for the next time.
  bool recorded(const std::string& output, bool is);

  /// Under which a record of that output stands.
  std::string key_of(std::string_view output) const;

 private:
  struct Entry {
    std::optional<PaceState> state;
    bool recorded = false;
  };
  const std::string instance_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // guarded by mutex_
};

}  // namespace tocsin::delivery
