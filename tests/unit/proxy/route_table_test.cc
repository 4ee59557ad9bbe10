#include "gateway/proxy/route_table.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/http/server_harness.h"

namespace tocsin::proxy {
namespace {

using Methods = std::vector<std::string>;

class NoFilter final : public http::HttpFilterFactory {
 public:
  http::HttpFilter* create(Arena&) override { return nullptr; }
};

Route route(std::string name, RouteMatch match) {
  Route made;
  made.name = std::move(name);
  made.match = std::move(match);
  made.handler = std::make_unique<FixedAnswer>(FixedAnswer::Options{.status = 204});
  return made;
}

RouteTable table_of(std::vector<RouteMatch> matches) {
  std::vector<Route> routes;
  for (RouteMatch& match : matches) {
    routes.push_back(route(std::to_string(routes.size()), std::move(match)));
  }
  return {{}, std::move(routes), {}};
}

http::RequestHead head(std::string_view method, std::string_view path,
                       std::string_view authority = "a.example") {
  http::RequestHead made;
  made.method = method;
  made.path = path;
  made.authority = authority;
  return made;
}

/// The name of the route that takes the request; empty: none does.
std::string_view taken_by(const RouteTable& table, const http::RequestHead& request) {
  const http::RoutePlan plan = table.plan(request);
  EXPECT_NE(plan.handler, nullptr);
  return plan.route;
}

TEST(RouteTable, TakesAPrefixBySegments) {
  const RouteTable table = table_of({{.prefix = "/v1"}, {.prefix = "/docs/"}});
  EXPECT_EQ(taken_by(table, head("GET", "/v1")), "0");
  EXPECT_EQ(taken_by(table, head("GET", "/v1/")), "0");
  EXPECT_EQ(taken_by(table, head("GET", "/v1/x")), "0");
  EXPECT_EQ(taken_by(table, head("GET", "/v12")), "");
  EXPECT_EQ(taken_by(table, head("GET", "/V1")), "");
  EXPECT_EQ(taken_by(table, head("GET", "/docs/")), "1");
  EXPECT_EQ(taken_by(table, head("GET", "/docs/a/b")), "1");
  EXPECT_EQ(taken_by(table, head("GET", "/docs")), "");
}

TEST(RouteTable, TakesAnExactPathAndNothingBelowIt) {
  const RouteTable table = table_of({{.path = "/status"}});
  EXPECT_EQ(taken_by(table, head("GET", "/status")), "0");
  EXPECT_EQ(taken_by(table, head("GET", "/status/")), "");
  EXPECT_EQ(taken_by(table, head("GET", "/statu")), "");
}

TEST(RouteTable, GivesARequestToTheFirstRouteInTheOrderWritten) {
  const RouteTable table = table_of({{.path = "/a/b"}, {.prefix = "/a"}, {.path = "/a/c"}});
  EXPECT_EQ(taken_by(table, head("GET", "/a/b")), "0");
  EXPECT_EQ(taken_by(table, head("GET", "/a/c")), "1");
}

TEST(RouteTable, ComparesHostsWithoutPortAndCase) {
  const RouteTable table =
      table_of({{.prefix = "/", .host = "shop.example"}, {.prefix = "/", .host = "[2001:db8::1]"}});
  EXPECT_EQ(taken_by(table, head("GET", "/", "shop.example")), "0");
  EXPECT_EQ(taken_by(table, head("GET", "/", "SHOP.example:8080")), "0");
  EXPECT_EQ(taken_by(table, head("GET", "/", "a.shop.example")), "");
  EXPECT_EQ(taken_by(table, head("GET", "/", "shop.example.org")), "");
  EXPECT_EQ(taken_by(table, head("GET", "/", "")), "");
  EXPECT_EQ(taken_by(table, head("GET", "/", "[2001:DB8::1]")), "1");
  EXPECT_EQ(taken_by(table, head("GET", "/", "[2001:db8::1]:80")), "1");
  EXPECT_EQ(taken_by(table, head("GET", "/", "[2001:db8::2]")), "");
}

TEST(RouteTable, TakesHeadWhereGetIsTakenAndMethodsByCase) {
  const RouteTable table =
      table_of({{.path = "/r", .methods = {"GET"}}, {.path = "/w", .methods = {"POST", "PUT"}}});
  EXPECT_EQ(taken_by(table, head("GET", "/r")), "0");
  EXPECT_EQ(taken_by(table, head("HEAD", "/r")), "0");
  EXPECT_EQ(taken_by(table, head("get", "/r")), "");
  EXPECT_EQ(taken_by(table, head("PUT", "/w")), "1");
  EXPECT_EQ(taken_by(table, head("HEAD", "/w")), "");
}

TEST(RouteTable, LooksFartherWhenOnlyTheMethodDiffers) {
  const RouteTable table =
      table_of({{.prefix = "/a", .methods = {"GET"}}, {.prefix = "/", .methods = {"POST"}}});
  EXPECT_EQ(taken_by(table, head("POST", "/a")), "1");
}

TEST(RouteTable, PlansTheListenersFiltersForEveryRequestAndTheRoutesForItsOwn) {
  std::vector<std::unique_ptr<http::HttpFilterFactory>> of_listener;
  of_listener.push_back(std::make_unique<NoFilter>());
  const http::HttpFilterFactory* const listeners = of_listener.front().get();
  std::vector<Route> routes;
  routes.push_back(route("here", {.path = "/here"}));
  routes.back().filters.push_back(std::make_unique<NoFilter>());
  const http::HttpFilterFactory* const routes_own = routes.back().filters.front().get();
  const http::Handler* const handler = routes.back().handler.get();
  const RouteTable table(std::move(of_listener), std::move(routes), {});

  const http::RoutePlan plan = table.plan(head("GET", "/here"));
  EXPECT_EQ(plan.route, "here");
  EXPECT_EQ(plan.handler, handler);
  ASSERT_EQ(plan.listener_filters.size(), 1U);
  EXPECT_EQ(plan.listener_filters[0], listeners);
  ASSERT_EQ(plan.route_filters.size(), 1U);
  EXPECT_EQ(plan.route_filters[0], routes_own);

  const http::RoutePlan none = table.plan(head("GET", "/elsewhere"));
  EXPECT_EQ(none.listener_filters.size(), 1U) << "a 404 is logged as any other answer";
  EXPECT_TRUE(none.route_filters.empty());
}

class RouteTableServed : public http::ServerTest {
 protected:
  struct Refusals final : RefusalHook {
    void refusing(http::Exchange&, http::ResponseHead& head) override {
      (void)head.headers.add("X-Hook", "seen");
    }
    void note_refused(const http::Exchange& exchange, http::DoneFlags) override {
      statuses.push_back(exchange.response().status);
    }
    std::vector<int> statuses;
  };

  void serve(std::vector<Route> routes) {
    start();
    server->set_source(std::make_shared<RouteTable>(
        std::vector<std::unique_ptr<http::HttpFilterFactory>>(), std::move(routes),
        std::vector<RefusalHook*>{&first, &second}));
  }
  std::string ask(std::string_view method, std::string_view path) {
    http::RawClient client = connect();
    return exchange(client,
                    std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  Refusals first, second;
};

TEST_F(RouteTableServed, AnswersWhatNoRouteTakes) {
  serve({});
  const std::string answer = ask("GET", "/nowhere");
  EXPECT_EQ(http::statuses(answer), std::vector<int>{404});
  EXPECT_NE(answer.find("Content-Type: application/problem+json\r\n"), std::string::npos);
  EXPECT_NE(http::body_of(answer).find("No route takes this request."), std::string::npos);
  EXPECT_TRUE(first.statuses.empty()) << "a 404 is an answer of the table, not a refusal before it";
}

TEST_F(RouteTableServed, AnswersForTheGatewayItselfWithoutARoute) {
  std::vector<Route> routes;
  routes.push_back(route("all", {.prefix = "/"}));
  serve(std::move(routes));
  const std::string answer = ask("OPTIONS", "*");
  EXPECT_EQ(http::statuses(answer), std::vector<int>{200});
  EXPECT_NE(answer.find("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"),
            std::string::npos)
      << answer;
  EXPECT_EQ(http::body_of(answer), "");
}

TEST_F(RouteTableServed, ListsTheMethodsOfAllRoutesForThePlace) {
  std::vector<Route> routes;
  routes.push_back(route("read", {.path = "/x", .methods = Methods{"GET", "OPTIONS"}}));
  routes.push_back(route("other", {.path = "/y", .methods = Methods{"DELETE"}}));
  routes.push_back(route("write", {.path = "/x", .methods = Methods{"PUT", "GET"}}));
  serve(std::move(routes));
  const std::string answer = ask("PATCH", "/x");
  EXPECT_EQ(http::statuses(answer), std::vector<int>{405});
  EXPECT_NE(answer.find("Allow: GET, HEAD, OPTIONS, PUT\r\n"), std::string::npos) << answer;
}

TEST_F(RouteTableServed, TellsEveryHookOfRequestsThatNoRouteSaw) {
  serve({});
  http::RawClient client = connect();
  const std::string answer = exchange(client, "GET / HTTP/1.1\r\nHost: a\r\nBad Field: 1\r\n\r\n");
  EXPECT_NE(answer.find("X-Hook: seen\r\nX-Hook: seen\r\n"), std::string::npos) << answer;
  EXPECT_EQ(first.statuses, std::vector<int>{400});
  EXPECT_EQ(second.statuses, std::vector<int>{400});
}

}  // namespace
}  // namespace tocsin::proxy
