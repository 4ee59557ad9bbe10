#pragma once

#include "gateway/app/plugin_catalog.h"
#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"

namespace tocsin::app {

/// What is wrong between the settings of the notification part, and with those that only their
/// plugins can judge. `root` was accepted by the option tables. Control thread.
config::Diagnostics check_notifications(const Value& root, const PluginCatalog& catalog);

}  // namespace tocsin::app
