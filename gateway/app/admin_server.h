#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/admin/admin_routes.h"
#include "gateway/app/inherited_sockets.h"
#include "gateway/app/snapshot.h"
#include "gateway/base/arena.h"
#include "gateway/config/diagnostic.h"
#include "gateway/event/loop.h"
#include "gateway/event/tcp.h"
#include "gateway/http/server.h"

namespace tocsin::app {

/// The admin address. Control loop.
class AdminServer {
 public:
  /// What its metrics are labelled with, and the name of its socket among inherited ones; no
  /// listener has that name.
  static constexpr std::string_view kName = "admin";
  /// Operators, probes and scrapers are few. Further connections are refused with 503 and 429.
  static constexpr std::size_t kConnectionsMax = 64;
  static constexpr std::size_t kConnectionsPerIpMax = 48;

  AdminServer(event::Loop& control, telemetry::Metrics& metrics, InheritedSockets& inherited)
      : control_(control), metrics_(metrics), inherited_(inherited) {}

  /// Takes the port that the snapshot names, unless it is the one that serves.
  config::Diagnostics plan(const Snapshot& snapshot);
  /// Serves there. `parts` but the tokens, which are the snapshot's.
  void serve(const Snapshot& snapshot, admin::AdminParts parts);
  /// New requests go by other parts; those under way keep theirs.
  void serve_by(const Snapshot& snapshot, admin::AdminParts parts);
  /// Goes over to what was planned for the snapshot, and to its tokens.
  void adopt(const Snapshot& snapshot);
  void close();
  /// Accepts no more: another process does.
  void retire() { server_->retire(); }
  std::vector<int> listening() const { return server_->listening(); }

  const event::Address& address() const { return server_->address(); }

 private:
  void open_server();

  event::Loop& control_;
  telemetry::Metrics& metrics_;
  InheritedSockets& inherited_;
  BlockPool blocks_;
  std::string written_;  // the address that serves, as the configuration has it
  std::string planned_;
  std::optional<event::ListeningSocket> socket_;  // planned
  std::unique_ptr<http::ServerShared> shared_;
  telemetry::MetricCallback open_now_;
  std::shared_ptr<admin::AdminRoutes> routes_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Server> former_;  // ends its exchanges
};

}  // namespace tocsin::app
