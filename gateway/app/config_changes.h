#pragma once

#include <vector>

#include "gateway/admin/config_door.h"
#include "gateway/app/snapshot.h"
#include "gateway/config/diagnostic.h"

namespace tocsin::app {

/// What is different, for people.
std::vector<admin::ConfigChange> config_changes(const Snapshot& before, const Snapshot& after);

/// Settings that only a restart can change and that differ, one fault each. `storage`: what the
/// store was opened with; null: there is none yet.
config::Diagnostics restart_faults(const Value& before, const Value& after, const Value* storage);

std::vector<admin::ConfigFault> to_faults(const config::Diagnostics& faults);

}  // namespace tocsin::app
