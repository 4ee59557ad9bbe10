#pragma once

#include <memory>
#include <string>

#include "gateway/app/access_logs.h"
#include "gateway/app/loop_notifications.h"
#include "gateway/base/value.h"
#include "gateway/http/server.h"
#include "gateway/proxy/route_table.h"

namespace tocsin::app {

/// The server options of a `listeners` entry.
http::ServerOptions server_options(const Value& listener);

/// The route table of a `listeners` entry for one loop. `logs` and `notifications` (null: no route
/// ends in a plugin) belong to that loop and outlive the table. Its thread, before it runs.
std::shared_ptr<const proxy::RouteTable> build_routes(const std::string& name,
                                                      const Value& listener, LoopAccessLogs& logs,
                                                      LoopNotifications* notifications);

/// A limit that may be written as "unlimited": 0 then.
std::size_t limit_or_zero(const Value& table, std::string_view key);

}  // namespace tocsin::app
