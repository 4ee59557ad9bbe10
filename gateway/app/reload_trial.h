#pragma once

#include <string>
#include <vector>

#include "gateway/admin/config_door.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace tocsin::app {

/// Lets a process of its own make and destroy every plugin of a configuration file: this binary as
/// `check --create`. One that dies there is a fault that names it, and nobody here notices. Blocks,
/// at most for `patience`: construction thread. An error: the trial itself could not be held.
Result<std::vector<admin::ConfigFault>> try_in_process(const std::string& config_path,
                                                       Duration patience);

}  // namespace tocsin::app
