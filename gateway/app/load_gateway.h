#pragma once

#include <string>
#include <tl/expected.hpp>

#include "gateway/app/plugin_catalog.h"
#include "gateway/config/environment.h"
#include "gateway/config/load.h"

namespace tocsin::app {

/// Loads a gateway file: option tables, then the checks between settings. What `run`, `check` and a
/// reload all call, so that they agree. `catalog` loads the plugins that the file names. Blocks on
/// files; control thread.
tl::expected<config::LoadedConfig, config::Rejection> load_gateway(
    const std::string& path, PluginCatalog& catalog, const config::Environment& environment);

}  // namespace tocsin::app
