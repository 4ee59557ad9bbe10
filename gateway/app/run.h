#pragma once

#include <string>

namespace tocsin::app {

/// What `tocsin run` was told.
struct RunArguments {
  std::string config_path;
};

/// Serves until a signal ends it; the process's exit code. Blocks; main thread.
int run_gateway(const RunArguments& arguments);

}  // namespace tocsin::app
