#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "gateway/base/clock.h"

namespace tocsin::script {

/// What a script may use. A call is one function of the script from its begin to its end, waits
/// included; a slice is what runs of it between two waits.
struct Limits {
  std::size_t memory_bytes_max = std::size_t{8} << 20;  ///< of one state, garbage included
  /// Of one string or one part of a table or stack. It bounds what one instruction can do, such as
  /// comparing two strings, which no instruction count sees.
  std::size_t block_bytes_max = std::size_t{2} << 20;
  std::uint64_t churn_bytes_max = std::uint64_t{64} << 20;  ///< allocated by one slice
  std::int64_t instructions_max = 1'000'000;                ///< of one call
  Duration slice_max = std::chrono::milliseconds(50);       ///< of the thread's own time
};

/// Instructions between two looks at the limits.
inline constexpr int kLookInstructions = 256;
/// Calls in calls. Lua walks all of them for each error that is caught, and catching at any depth
/// would make that quadratic.
inline constexpr int kCallDepthMax = 5000;
inline constexpr int kCatchDepthMax = 200;  ///< beyond it nothing is caught
/// Full collections that one slice may force by allocating next to its limit.
inline constexpr int kForcedCollectionsMax = 4;
/// Of a script's file.
inline constexpr std::size_t kScriptBytesMax = std::size_t{256} << 10;
/// Of a text that is read as JSON, or written as JSON.
inline constexpr std::size_t kJsonBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kJsonDepthMax = 32;

}  // namespace tocsin::script
