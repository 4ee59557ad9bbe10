#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/function.h"
#include "gateway/delivery/lane_pace.h"

namespace tocsin::admin {

/// What the lane of a configured output is doing.
struct OutputState {
  std::string name;
  std::string type;             ///< the plugin's name
  std::string silent_loop;      ///< its loop, when that did not answer: what is below is unknown
  bool spilled = false;         ///< true: its backlog is read from the store; false: direct
  bool paused = false;          ///< it starts no attempt
  std::string reason;           ///< why it is paused; may be empty
  std::string breaker;          ///< the state its breaker is in, as "half_open"
  std::uint64_t in_flight = 0;  ///< attempts under way
  std::uint64_t in_memory = 0;  ///< deliveries that the lane holds, those in flight included
};

/// The outputs of the running configuration. Lanes live on other loops, so answers may come later:
/// once, on the control loop, possibly inside the call, and without a loop that does not answer.
class OutputsView {
 public:
  virtual ~OutputsView() = default;
  virtual void read(Function<void(std::vector<OutputState>)> done) = 0;
  /// kDoneLater: its loop stands still, and will do it once it goes on.
  enum class Told : std::uint8_t { kNoSuchOutput, kWasSo, kDone, kDoneLater };
  /// Lets an output begin nothing until resume(). What has begun ends.
  virtual void pause(std::string output, Function<void(Told)> done) = 0;
  /// Ends that, and the quarantine of an output that is suspected of crashing the gateway.
  virtual void resume(std::string output, Function<void(Told)> done) = 0;
  /// Opens or closes an output's breaker until told otherwise, or leaves it to itself again.
  /// Answers the state it is in then, "unknown" while its loop stands still; nothing: no output of
  /// the configuration has this name.
  virtual void order_breaker(std::string output, delivery::BreakerOrder order,
                             Function<void(std::optional<std::string>)> done) = 0;
};

}  // namespace tocsin::admin
