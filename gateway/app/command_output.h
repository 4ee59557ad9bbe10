#pragma once

#include <string>

namespace tocsin::app {

inline constexpr int kFaultExit = 1;  ///< the command found or met a fault
inline constexpr int kUsageExit = 2;  ///< it was told something wrong

/// What a command prints and how it ends.
struct CommandOutput {
  int exit_code = 0;
  std::string out;  ///< for standard output
  std::string err;  ///< for standard error
};

}  // namespace tocsin::app
