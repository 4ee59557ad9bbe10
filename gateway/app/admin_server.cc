#include "gateway/app/admin_server.h"

#include <utility>

#include "gateway/app/build_admin.h"
#include "gateway/app/listen_address.h"

namespace tocsin::app {

config::Diagnostics AdminServer::plan(const Snapshot& snapshot) {
  const Value& written = snapshot.settings().at("admin").at("address");
  socket_.reset();
  planned_ = written.as<std::string>();
  if (planned_ == written_) return {};
  const auto address = ListenAddress::parse(planned_);
  if (!address) return {fault_at(written.place(), "admin.address", address.error().text())};
  if (auto inherited = inherited_.take(kName, *address); !inherited.empty()) {
    socket_ = std::move(inherited.front());
    return {};
  }
  auto socket = address->open({.sharing = event::ListenOptions::Sharing::kAlone});
  if (!socket) return {fault_at(written.place(), "admin.address", socket.error().text())};
  socket_ = std::move(*socket);
  return {};
}

void AdminServer::serve(const Snapshot& snapshot, admin::AdminParts parts) {
  parts.tokens = admin_tokens(snapshot.settings().at("admin"));
  shared_ =
      std::make_unique<http::ServerShared>(kConnectionsMax, kConnectionsPerIpMax, metrics_, kName);
  http::ServerShared* shared = shared_.get();
  open_now_ = metrics_.callback(telemetry::MetricType::kGauge, "tocsin_http_connections",
                                "Connections open now.", {{"listener", kName}},
                                [shared] { return static_cast<double>(shared->caps.open()); });
  routes_ = std::make_shared<admin::AdminRoutes>(std::move(parts));
  open_server();
}

void AdminServer::serve_by(const Snapshot& snapshot, admin::AdminParts parts) {
  parts.tokens = admin_tokens(snapshot.settings().at("admin"));
  routes_ = std::make_shared<admin::AdminRoutes>(std::move(parts));
  server_->set_source(routes_);
}

void AdminServer::open_server() {
  server_ = std::make_unique<http::Server>(control_, std::move(*socket_), http::ServerOptions{},
                                           *shared_, blocks_, routes_);
  socket_.reset();
  written_ = planned_;
}

void AdminServer::adopt(const Snapshot& snapshot) {
  routes_->set_tokens(admin_tokens(snapshot.settings().at("admin")));
  if (!socket_) return;
  former_ = std::move(server_);
  former_->drain();
  open_server();
}

void AdminServer::close() {
  former_.reset();
  server_.reset();
  routes_.reset();
}

}  // namespace tocsin::app
