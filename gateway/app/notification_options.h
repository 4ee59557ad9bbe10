#pragma once

#include <span>

#include "gateway/base/option.h"

namespace tocsin::app {

/// The keys of a gateway file's root that belong to notifications: inputs, filters, outputs,
/// routes, storage, history. Static.
std::span<const Option> notification_options();

}  // namespace tocsin::app
