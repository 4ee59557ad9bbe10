#pragma once

#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"

namespace tocsin::app {

/// What no table can say of `templates`, the gateway's and each output's: zones that this machine
/// has, patterns that are none, and texts for topics of an option that the output leaves out.
void check_templates(const Value& root, config::Diagnostics& faults);

}  // namespace tocsin::app
