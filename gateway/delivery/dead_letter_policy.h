#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/base/clock.h"

namespace tocsin::delivery {

/// What becomes of dead letters: `dead_letters:` of a gateway's file. Those whose reason may pass
/// (too many attempts, a fault of the output) are sent again after each of the waits; then, and at
/// once for any other reason, they are final.
struct DeadLetterPolicy {
  std::vector<Duration> redrive;
  bool on_recovery = false;  ///< at once when their output's breaker closes, instead of waiting
  std::string mirror;        ///< the output that gets a copy of what is final; empty: none
  bool notify = false;       ///< a notification of its own tells of what is final

  /// How long until one that has been sent again so often is sent again; zero: it is final.
  Duration wait_after(std::uint32_t redrives) const {
    return redrives < redrive.size() ? redrive[redrives] : Duration::zero();
  }
};

}  // namespace tocsin::delivery
