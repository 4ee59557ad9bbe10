#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/exchange.h"
#include "gateway/http/filter.h"
#include "gateway/proxy/fixed_answers.h"

namespace tocsin::proxy {

/// Which requests a route takes. All conditions given must hold.
struct RouteMatch {
  std::string path;  ///< exactly this; empty: `prefix` decides
  std::string
      prefix;        ///< this path and all below it, by segments: /v1 takes /v1 and /v1/x, not /v12
  std::string host;  ///< without port, ASCII case ignored; empty: any
  std::vector<std::string> methods;  ///< empty: any; GET includes HEAD
};

struct Route {
  std::string name;  ///< for logs and metrics
  RouteMatch match;
  std::vector<std::unique_ptr<http::HttpFilterFactory>> filters;
  std::unique_ptr<http::Handler> handler;
};

/// What a listener's filter still does for requests that are answered before any route saw them,
/// and so without filters.
class RefusalHook {
 public:
  virtual ~RefusalHook() = default;
  /// The answer is about to go out with that head.
  virtual void refusing(http::Exchange&, http::ResponseHead&) {}
  virtual void note_refused(const http::Exchange&, http::DoneFlags) {}
};

/// The routes of one listener in one snapshot, for one loop. The first route that takes a request
/// gets it, in the order written; a request that only another method would have matched is answered
/// 405, any other 404. `OPTIONS *` is about the gateway itself and no route's: it is answered 200
/// with the methods there are.
class RouteTable final : public http::RouteSource {
 public:
  RouteTable(std::vector<std::unique_ptr<http::HttpFilterFactory>> filters,
             std::vector<Route> routes, std::vector<RefusalHook*> refusal_hooks);

  http::RoutePlan plan(const http::RequestHead& head) const override;
  void refusing(http::Exchange& exchange, http::ResponseHead& head) const override;
  void note_refused(const http::Exchange& exchange, http::DoneFlags flags) const override;

 private:
  struct Entry {
    Route route;
    std::vector<http::HttpFilterFactory*> filters;
    std::unique_ptr<ProblemAnswer> method_not_allowed;  // when the route names methods
  };

  std::vector<std::unique_ptr<http::HttpFilterFactory>> owned_filters_;
  std::vector<http::HttpFilterFactory*> filters_;
  std::vector<Entry> entries_;
  std::vector<RefusalHook*> refusal_hooks_;
  std::unique_ptr<ProblemAnswer> not_found_;
  std::unique_ptr<FixedAnswer> asterisk_;
};

}  // namespace tocsin::proxy
