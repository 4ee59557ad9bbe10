#pragma once

#include <string>

#include "gateway/base/option.h"
#include "gateway/config/component_catalog.h"

namespace tocsin::config {

/// The JSON Schema (2020-12) of a configuration file, indented, for editors and CI. It accepts what
/// validate() accepts as far as a schema can say it: scalars may be quoted or interpolated text,
/// an empty list or mapping may be null, and `include` may stand at the top.
std::string json_schema(const OptionTable& table, const ComponentCatalog& catalog);

}  // namespace tocsin::config
