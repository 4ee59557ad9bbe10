#pragma once

#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// The host's side of the contract: one table for all instances, for as long as the process lives.
const tocsin_host& host_table();

}  // namespace tocsin::plugin
