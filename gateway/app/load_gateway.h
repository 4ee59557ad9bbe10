#pragma once

#include <string>
#include <tl/expected.hpp>

#include "gateway/app/call_under_way.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/config/environment.h"
#include "gateway/config/load.h"

namespace tocsin::app {

/// Loads a gateway file: option tables, then the checks between settings. What `run`, `check` and a
/// reload all call, so that they agree. `catalog` loads the plugins that the file names; `calls`,
/// if any, is told of the calls into them. Blocks on files and in plugins: construction thread.
tl::expected<config::LoadedConfig, config::Rejection> load_gateway(
    const std::string& path, PluginCatalog& catalog, const config::Environment& environment,
    CallUnderWay* calls = nullptr);

}  // namespace tocsin::app
