#pragma once

#include <optional>
#include <string>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/base/function.h"

namespace tocsin::admin {

/// Tells whether an output of this name is configured, or the store keeps something for it that is
/// neither settled nor discarded, or `seen` is a delivery of it, as where a walk goes on that left
/// nothing behind: nothing, or the problem that it is not known or could not be told.
void look_for_output(AdminApi& api, const std::string& name,
                     std::optional<message::DeliveryId> seen,
                     Function<void(std::optional<Problem>)> done);

}  // namespace tocsin::admin
