#pragma once

#include <string>
#include <tl/expected.hpp>

#include "gateway/config/environment.h"
#include "gateway/config/load.h"

namespace tocsin::app {

/// Loads a gateway file: option tables, then the checks between settings. What `run`, `check` and a
/// reload all call, so that they agree. Blocks on files; any thread.
tl::expected<config::LoadedConfig, config::Rejection> load_gateway(
    const std::string& path, const config::Environment& environment);

}  // namespace tocsin::app
