#pragma once

#include <string>
#include <vector>

#include "gateway/app/command_output.h"
#include "gateway/base/clock.h"
#include "gateway/config/environment.h"

namespace tocsin::app {

/// What `tocsin routes test` was told.
struct RouteTestArguments {
  std::vector<std::string> suites;
  std::string config_path;  ///< empty: what each suite names
  std::string junit_path;   ///< where results go for CI; empty: nowhere
  bool colour = false;
  const Clock& clock = SystemClock::instance();  ///< for how long cases took
};

/// Runs suites of cases against the routes they are for, without a gateway. Failed cases and a
/// summary of each suite go to standard output, faults of files to standard error. Exit codes: 0
/// all cases passed, 1 otherwise.
CommandOutput test_routes(const RouteTestArguments& arguments,
                          const config::Environment& environment);

}  // namespace tocsin::app
