#pragma once

#include <memory>
#include <vector>

#include "gateway/admin/admin_api.h"
#include "gateway/http/exchange.h"
#include "gateway/http/filter.h"
#include "gateway/proxy/request_id_filter.h"

namespace tocsin::admin {

/// The admin address: the endpoints of endpoint.h behind tokens and roles, every change audited.
/// Each answer carries a request id, which the audit names too. Control loop.
class AdminRoutes final : public http::RouteSource {
 public:
  explicit AdminRoutes(AdminParts parts);
  /// Notifications on their way go on without us.
  ~AdminRoutes() override;

  /// Who may do what from now on; requests under way were let in already.
  void set_tokens(std::vector<Token> tokens) { api_->set_tokens(std::move(tokens)); }

  http::RoutePlan plan(const http::RequestHead& head) const override;
  void refusing(http::Exchange& exchange, http::ResponseHead& head) const override {
    request_id_.refusing(exchange, head);
  }
  void note_refused(const http::Exchange&, http::DoneFlags) const override {}

 private:
  class Dispatch;

  const std::shared_ptr<AdminApi> api_;
  mutable proxy::RequestIdFilterFactory request_id_;  // has no state of its own
  http::HttpFilterFactory* const filters_[1];
  const std::unique_ptr<Dispatch> dispatch_;
};

}  // namespace tocsin::admin
