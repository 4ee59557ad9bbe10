#pragma once

#include "gateway/app/call_under_way.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"

namespace tocsin::app {

/// What is wrong between the settings of the notification part, and with those that only their
/// plugins can judge. `root` was accepted by the option tables; `calls`, if any, is told of
/// the calls into plugins. Construction thread.
config::Diagnostics check_notifications(const Value& root, const PluginCatalog& catalog,
                                        CallUnderWay* calls = nullptr);

/// Makes and destroys every plugin instance in a child process: one that dies or hangs there is a
/// fault that names it. `root` passed check_notifications. Blocks; the process has no other thread.
config::Diagnostics try_notifications(const Value& root, const PluginCatalog& catalog);

}  // namespace tocsin::app
