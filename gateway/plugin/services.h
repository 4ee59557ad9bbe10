#pragma once

#include "gateway/base/clock.h"
#include "gateway/event/loop.h"
#include "gateway/event/offload_pool.h"
#include "gateway/http/client.h"
#include "gateway/plugin/crash_map.h"
#include "gateway/plugin/plugin_metrics.h"
#include "gateway/policy/shared_table.h"
#include "gateway/stage/emit.h"
#include "gateway/stage/ledger.h"
#include "gateway/stage/records.h"
#include "gateway/stage/reports.h"
#include "gateway/stage/suppression_list.h"
#include "gateway/telemetry/log.h"
#include "gateway/template/settings.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// What the process lends every instance. All of it outlives them. `templates` is the
/// configuration's, which they share.
struct Services {
  telemetry::Log& log;
  PluginMetrics& metrics;
  const Clock& clock = SystemClock::instance();
  CrashMap* crash_map = nullptr;               ///< null: who is inside a callback is noted nowhere
  templates::SettingsPtr templates = nullptr;  ///< null: there are no parts
};

/// Stands for the network where nothing may be sent.
class RequestWitness {
 public:
  /// A request that a plugin would send now; it never ends. Borrowed for the call.
  virtual void on_request(const tocsin_http_request& request) = 0;

 protected:
  ~RequestWitness() = default;
};

/// What one loop lends the instances that run on it. What is null is not there: host functions that
/// need it answer UNAVAILABLE. All of it outlives the instances' workers.
struct Environment {
  event::Loop& loop;
  http::HttpClient* client = nullptr;
  event::OffloadPool* pool = nullptr;
  policy::SharedTable* table = nullptr;
  stage::Emit* emit = nullptr;
  stage::Ledger* ledger = nullptr;
  stage::Reports* reports = nullptr;
  stage::SuppressionList* suppressions = nullptr;
  stage::Records* records = nullptr;
  RequestWitness* witness = nullptr;  ///< takes the place of the client
  bool may_block = false;  ///< a storage loop: long callbacks are its business and not counted
};

}  // namespace tocsin::plugin
