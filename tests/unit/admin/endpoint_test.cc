#include "gateway/admin/endpoint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace tocsin::admin {
namespace {

EndpointMatch match(std::string_view method, std::string_view path) {
  return match_endpoint(admin_endpoints(), method, path);
}

TEST(Endpoints, AreFoundByMethodAndPath) {
  EXPECT_EQ(match("GET", "/v1/outputs").endpoint->pattern, "/v1/outputs");
  EXPECT_EQ(match("HEAD", "/healthz").endpoint->pattern, "/healthz");
  const EndpointMatch one = match("POST", "/v1/dead-letters/dlv_1-0/redrive");
  EXPECT_EQ(one.endpoint->pattern, "/v1/dead-letters/{id}/redrive");
  EXPECT_EQ(one.argument, "dlv_1-0");
}

TEST(Endpoints, PreferTheEarlierRowAndTheMethodThatFits) {
  EXPECT_EQ(match("POST", "/v1/dead-letters/redrive").endpoint->pattern,
            "/v1/dead-letters/redrive");
  const EndpointMatch one = match("GET", "/v1/dead-letters/redrive");
  EXPECT_EQ(one.endpoint->pattern, "/v1/dead-letters/{id}") << "an id nobody has";
}

TEST(Endpoints, SayWhatAPathTakes) {
  EXPECT_EQ(match("POST", "/healthz").allow, "GET, HEAD");
  EXPECT_EQ(match("PUT", "/v1/notifications").allow, "POST, GET, HEAD");
  EXPECT_EQ(match("DELETE", "/v1/dead-letters/redrive").allow, "POST, GET, HEAD");
  for (const char* path : {"/", "/v1", "/v1/outputs/", "/v1/dead-letters/", "/healthz/x",
                           "/v1/dead-letters/a/b/redrive", "/v1/dead-letters/a/redrive/"}) {
    const EndpointMatch none = match("GET", path);
    EXPECT_EQ(none.endpoint, nullptr) << path;
    EXPECT_EQ(none.allow, "") << path;
  }
}

TEST(Endpoints, OpenOnlyHealthReadinessAndMetricsToNobody) {
  std::set<std::string_view> open;
  for (const Endpoint& endpoint : admin_endpoints()) {
    if (endpoint.role == Role::kNobody) open.insert(endpoint.pattern);
  }
  EXPECT_EQ(open, (std::set<std::string_view>{"/healthz", "/readyz", "/metrics"}));
}

TEST(Endpoints, AuditExactlyWhatIsPostedAndAskForMoreThanAViewer) {
  for (const Endpoint& endpoint : admin_endpoints()) {
    const bool changes = endpoint.method != "GET";
    EXPECT_EQ(!endpoint.action.empty(), changes) << endpoint.pattern;
    const bool for_viewers = endpoint.pattern != "/v1/audit" && !changes;
    EXPECT_EQ(endpoint.role <= Role::kViewer, for_viewers) << endpoint.pattern;
    EXPECT_FALSE(endpoint.summary.empty()) << endpoint.pattern;
    EXPECT_NE(endpoint.serve, nullptr) << endpoint.pattern;
  }
}

TEST(Endpoints, StandInTheReadmeWithTheirRoles) {
  std::ifstream file(std::string(TOCSIN_SOURCE_DIR) + "/README.md");
  std::ostringstream whole;
  whole << file.rdbuf();
  const std::string text = whole.str();
  const std::size_t section = text.find("\n## Operate it\n");  // inputs have like paths above it
  ASSERT_NE(section, std::string::npos);
  for (const Endpoint& endpoint : admin_endpoints()) {
    const std::string path = std::string(endpoint.method) + " " + std::string(endpoint.pattern);
    const std::size_t row = text.find("\n| `" + path, section);
    ASSERT_NE(row, std::string::npos) << path;
    const std::string line = text.substr(row + 1, text.find('\n', row + 1) - row);
    const std::string role(role_name(endpoint.role));
    EXPECT_NE(line.find("` | " + role + " | "), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace tocsin::admin
