#include "gateway/app/loop_servers.h"

#include <algorithm>
#include <utility>

#include "gateway/app/build_listener.h"
#include "gateway/base/assert.h"

namespace tocsin::app {

void LoopServers::serve(std::vector<ListenerPart>& parts, const RouteTables& tables) {
  for (ListenerPart& part : parts) {
    const auto& table = tables.at(part.id);
    std::unique_ptr<http::Server>& server = servers_[part.id];
    if (server != nullptr) {
      server->set_source(table);
      server->set_options(server_options(*part.settings));
      continue;
    }
    TOCSIN_ASSERT(!part.sockets.empty(), "a listener came to a loop without a socket");
    server =
        std::make_unique<http::Server>(loop_, std::move(part.sockets.front()),
                                       server_options(*part.settings), *part.shared, pool_, table);
    for (std::size_t i = 1; i < part.sockets.size(); ++i)
      server->listen(std::move(part.sockets[i]));
    part.sockets.clear();
  }
  for (const auto& [id, server] : servers_) {
    if (!tables.contains(id) && !server->draining()) server->drain();
  }
}

// Whatever serves with a table holds it, and so does `tables`; a server that is not told of newer
// ones too.
bool LoopServers::let_go_of(const RouteTables& tables) const {
  return std::ranges::all_of(tables, [&](const auto& entry) {
    const auto server = servers_.find(entry.first);
    const bool leaving = server != servers_.end() && server->second->draining();
    if (leaving) return server->second->connections() == 0;
    return entry.second.use_count() == 1;
  });
}

void LoopServers::cut(const RouteTables& tables) {
  for (const auto& [id, table] : tables) {
    const auto server = servers_.find(id);
    if (server == servers_.end()) continue;
    if (server->second->draining()) {
      servers_.erase(server);
    } else {
      server->second->cut(*table);
    }
  }
}

std::vector<std::uint64_t> LoopServers::sweep() {
  std::erase_if(servers_, [](const auto& entry) {
    return entry.second->draining() && entry.second->connections() == 0;
  });
  std::vector<std::uint64_t> left;
  for (const auto& [id, server] : servers_) left.push_back(id);
  return left;
}

void LoopServers::retire() {
  for (const auto& [id, server] : servers_) server->retire();
}

void LoopServers::drain() {
  for (const auto& [id, server] : servers_) server->drain();
}

std::vector<LoopServers::Listening> LoopServers::listening() const {
  std::vector<Listening> all;
  for (const auto& [id, server] : servers_) {
    for (const int fd : server->listening()) all.push_back({id, fd});
  }
  return all;
}

}  // namespace tocsin::app
