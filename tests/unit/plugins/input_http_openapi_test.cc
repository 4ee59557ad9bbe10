// The document that the door for notifications shows of itself.

#include "tests/unit/plugins/input_http.h"

namespace tocsin {
namespace {

using HttpInputOpenApi = HttpInputTest;

TEST_F(HttpInputOpenApi, NamesThePathsAsTheyAreReached) {
  start();
  const tocsin_token plain = ask("GET", "/v1/openapi.json");
  ASSERT_EQ(status(plain), 200U);
  EXPECT_EQ(header(plain, "Content-Type"), "application/json");
  EXPECT_NE(answer(plain).body.find(R"("/v1/notifications/batch":{"post")"), std::string::npos);
  const tocsin_token below = ask("GET", "/v1/openapi.json", {}, {}, "/shop");
  EXPECT_NE(answer(below).body.find(R"("/shop/v1/notifications":{"post")"), std::string::npos);
  const tocsin_token bare = ask("GET", "/openapi.json");
  EXPECT_NE(answer(bare).body.find(R"("/notifications/{id}":{"get")"), std::string::npos);
}

TEST_F(HttpInputOpenApi, NamesFurtherPathsOnceAndTheirOperationsApart) {
  host.settings.set_list("paths", {"/hooks/in", "/v1/notifications", "/hooks/two"});
  start();
  const std::string body = answer(ask("GET", "/v1/openapi.json")).body;
  EXPECT_NE(body.find(R"("/hooks/in":{"post":{"operationId":"sendAt1")"), std::string::npos);
  EXPECT_NE(body.find(R"("/hooks/two":{"post":{"operationId":"sendAt2")"), std::string::npos);
  const std::string send = R"("/v1/notifications":{"post")";
  EXPECT_NE(body.find(send), std::string::npos);
  EXPECT_EQ(body.find(send), body.rfind(send));
}

TEST_F(HttpInputOpenApi, IsForCallersAlone) {
  host.settings.set_map("tokens", {{"shop", "secret-0001"}});
  start();
  EXPECT_EQ(status(ask("GET", "/v1/openapi.json")), 401U);
  EXPECT_EQ(status(ask("GET", "/v1/openapi.json", {}, {{"Authorization", "Bearer secret-0001"}})),
            200U);
  EXPECT_EQ(status(ask("POST", "/v1/openapi.json")), 401U);
}

TEST_F(HttpInputOpenApi, IsOnlyRead) {
  start();
  const tocsin_token posted = ask("POST", "/v1/openapi.json");
  EXPECT_EQ(status(posted), 405U);
  EXPECT_EQ(header(posted, "Allow"), "GET, HEAD");
  EXPECT_EQ(status(ask("HEAD", "/v1/openapi.json")), 200U);
}

}  // namespace
}  // namespace tocsin
