#pragma once

#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"

namespace tocsin::app {

/// Adds what is wrong with the fallbacks of outputs: names of none, and chains that come back to
/// where they began, once each. `outputs` was accepted by the option tables.
void check_fallbacks(const Value& outputs, config::Diagnostics& faults);

}  // namespace tocsin::app
