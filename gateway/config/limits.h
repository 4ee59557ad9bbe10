#pragma once

#include <cstddef>

namespace tocsin::config {

/// What one configuration may cost. Each limit has a message of its own when it is met.
inline constexpr std::size_t kFileBytesMax = 4U << 20;          ///< one YAML file
inline constexpr std::size_t kLineBytesMax = 64U << 10;         ///< one line of it
inline constexpr std::size_t kInterpolatedBytesMax = 1U << 20;  ///< one filled-in scalar
inline constexpr std::size_t kValueFileBytesMax = 64U << 10;    ///< one ${file:...}
inline constexpr std::size_t kNodesMax = 200'000;               ///< of one file, aliases expanded
inline constexpr std::size_t kTextBytesMax = 16U << 20;         ///< of one file, aliases expanded
inline constexpr std::size_t kDepthMax = 50;           ///< lists and mappings in each other
inline constexpr std::size_t kIncludeDepthMax = 8;     ///< includes in each other
inline constexpr std::size_t kFilesMax = 256;          ///< the main file and its includes
inline constexpr std::size_t kDiagnosticsMax = 1'000;  ///< collected from one configuration
inline constexpr std::size_t kDiagnosticsShown = 50;   ///< printed for people

}  // namespace tocsin::config
