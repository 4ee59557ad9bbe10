#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/app/estate.h"
#include "gateway/app/loop_group.h"
#include "gateway/base/function.h"
#include "gateway/telemetry/log.h"

namespace tocsin::app {

std::string encode_pace_states(const PaceStates& states);
/// What can be read of it; nothing: it is no such text.
std::optional<PaceStates> decode_pace_states(std::string_view text);

/// Lets the lanes of the next process go on where those of this one were. Control loop.
///
///   old: its lanes begin nothing any more -> gather -> (the text goes to the new process)
///   new: its lanes begin nothing yet -----------------> take, or nobody() -> they begin
class LaneHandover {
 public:
  /// How long lanes wait for the process before.
  static constexpr Duration kAwaitMax = std::chrono::seconds(5);

  /// Everything outlives this object.
  LaneHandover(LoopGroup& loops, Estate& estate, telemetry::Log& log)
      : loops_(loops), estate_(estate), log_(log) {}

  /// Of every lane; from now on this process writes none of it to the store. Loops that stand still
  /// are left out.
  void gather(Function<void(std::string)> done);
  /// That is what the process before knew.
  void take(std::string_view text);
  /// There is no process before, or none any more.
  void nobody();

 private:
  static constexpr Duration kAnswerMax = std::chrono::milliseconds(500);
  void adopt(PaceStates states);

  LoopGroup& loops_;
  Estate& estate_;
  telemetry::Log& log_;
};

}  // namespace tocsin::app
