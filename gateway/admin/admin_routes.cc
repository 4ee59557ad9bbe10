#include "gateway/admin/admin_routes.h"

#include <string>
#include <utility>

#include "gateway/admin/api_call.h"
#include "gateway/admin/endpoint.h"
#include "gateway/http/problem.h"

namespace tocsin::admin {

namespace {

void refuse(http::Exchange& exchange, const EndpointMatch& match) {
  const bool known_path = !match.allow.empty();
  http::ResponseHead& head = exchange.fresh_head(known_path ? 405 : 404);
  (void)head.headers.add("Content-Type", http::kProblemType);
  if (known_path) {
    const auto allow = exchange.arena().copy(match.allow);
    if (allow) (void)head.headers.add("Allow", *allow);
  }
  const std::string body =
      http::problem_document(head.status, known_path ? "This path takes " + match.allow + "."
                                                     : "The admin API has no such path.");
  head.body_bytes = body.size();
  exchange.send_head(head, false);
  exchange.send_data(body, true);
}

}  // namespace

/// Finds the endpoint a request means, and gives it a call.
class AdminRoutes::Dispatch final : public http::Handler {
 public:
  explicit Dispatch(std::shared_ptr<AdminApi> api) : api_(std::move(api)) {}

  void on_request(http::Exchange& exchange, http::RequestHead& head) override {
    const EndpointMatch match = match_endpoint(admin_endpoints(), head.method, head.path);
    if (match.endpoint == nullptr) return refuse(exchange, match);
    std::make_shared<ApiCall>(api_, *match.endpoint, exchange, match.argument)->begin(head);
  }

 private:
  const std::shared_ptr<AdminApi> api_;
};

AdminRoutes::AdminRoutes(AdminParts parts)
    : api_(std::make_shared<AdminApi>(std::move(parts))),
      request_id_({}),
      filters_{&request_id_},
      dispatch_(std::make_unique<Dispatch>(api_)) {}

AdminRoutes::~AdminRoutes() { api_->close(); }

http::RoutePlan AdminRoutes::plan(const http::RequestHead& head) const {
  return {.route = head.path,
          .listener_filters = filters_,
          .route_filters = {},
          .handler = dispatch_.get()};
}

}  // namespace tocsin::admin
