#pragma once

#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"

namespace tocsin::app {

/// Faults that no single option shows: two listeners on one address, an admin address that the
/// network can reach, a route that an earlier one hides, a body where the status forbids one.
/// `root` was accepted by gateway_options().
config::Diagnostics check_gateway(const Value& root);

}  // namespace tocsin::app
