#pragma once

#include "gateway/base/option.h"
#include "gateway/config/component_catalog.h"

namespace tocsin::app {

/// All keys of a gateway file. Static.
const OptionTable& gateway_options();

/// The components built into this binary. Static.
const config::ComponentCatalog& built_in_components();

}  // namespace tocsin::app
