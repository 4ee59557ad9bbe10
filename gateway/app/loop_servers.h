#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/base/value.h"
#include "gateway/event/loop.h"
#include "gateway/event/tcp.h"
#include "gateway/http/server.h"
#include "gateway/proxy/route_table.h"

namespace tocsin::app {

/// One listener as a loop is to serve it.
struct ListenerPart {
  std::uint64_t id = 0;  ///< of the listener's address: another address is another listener
  std::string name;
  const Value* settings = nullptr;  ///< its entry under `listeners` in the snapshot
  http::ServerShared* shared = nullptr;
  /// This loop's own sockets on the shared address, when the loop does not serve it yet.
  std::vector<event::ListeningSocket> sockets;
};

/// Each listener's route table in one snapshot, by the listener's id.
using RouteTables = std::map<std::uint64_t, std::shared_ptr<const proxy::RouteTable>>;

/// The servers of one loop. A listener keeps its server, and so its connections, for as long as
/// snapshots name its address. The loop's thread.
class LoopServers {
 public:
  LoopServers(event::Loop& loop, BlockPool& pool) : loop_(loop), pool_(pool) {}

  /// New requests go by these tables; listeners without a server get one, and those that are not
  /// among `parts` accept no more.
  void serve(std::vector<ListenerPart>& parts, const RouteTables& tables);

  /// No request is served by those tables any more, and listeners that accept no more are empty.
  bool let_go_of(const RouteTables& tables) const;
  /// Closes the connections that keep let_go_of() from being true.
  void cut(const RouteTables& tables);
  /// Destroys the servers that accept no more and have no connection; the ids of the others.
  std::vector<std::uint64_t> sweep();

  /// None accepts any more; connections close after their next answer.
  void retire();
  /// None accepts any more; connections close after their exchange, idle ones now.
  void drain();
  /// What accepts here; the descriptors stay the servers'.
  struct Listening {
    std::uint64_t listener = 0;
    int fd = -1;
  };
  std::vector<Listening> listening() const;
  void close() { servers_.clear(); }

 private:
  event::Loop& loop_;
  BlockPool& pool_;
  std::map<std::uint64_t, std::unique_ptr<http::Server>> servers_;
};

}  // namespace tocsin::app
