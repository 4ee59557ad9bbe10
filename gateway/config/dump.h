#pragma once

#include <string>

#include "gateway/base/option.h"
#include "gateway/base/value.h"
#include "gateway/config/component_catalog.h"

namespace tocsin::config {

/// Appends one line per scalar: "listeners.public.backlog = integer 511". Secrets are shown as ***,
/// values without a file as "(default)", which `written_only` leaves out.
void append_dump(std::string& out, const Value& root, const OptionTable& table,
                 const ComponentCatalog& catalog, bool written_only);

}  // namespace tocsin::config
