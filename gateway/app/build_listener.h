#pragma once

#include <memory>
#include <string>

#include "gateway/app/snapshot.h"
#include "gateway/base/value.h"
#include "gateway/http/server.h"
#include "gateway/proxy/route_table.h"

namespace tocsin::app {

class LoopEstate;

/// Descriptors that the connections of listeners leave to others: the admin address, which must
/// answer while the gateway is full, files, and connections of outputs.
inline constexpr int kDescriptorsKept = 96;

/// The server options of a `listeners` entry.
http::ServerOptions server_options(const Value& listener);

/// The route table of a `listeners` entry of the snapshot for one loop, where the snapshot's inputs
/// run already. What the table stands on outlives it. The loop's thread.
std::shared_ptr<const proxy::RouteTable> build_routes(const std::string& name,
                                                      const Value& listener, LoopEstate& loop,
                                                      const Snapshot& snapshot);

/// A limit that may be written as "unlimited": 0 then.
std::size_t limit_or_zero(const Value& table, std::string_view key);

}  // namespace tocsin::app
