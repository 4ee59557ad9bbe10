// The writer of OpenAPI documents, which any plugin may use.

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <string>
#include <string_view>

#include "tocsin/sdk/openapi.hpp"

namespace tocsin::sdk::openapi {
namespace {

constexpr std::array kAnswers = {Answer{200, "Its \"state\".", "Job"}, Answer{}, problem(404),
                                 problem(503)};
constexpr std::array kParameters = {
    Parameter{.name = "limit", .doc = "Rows.", .schema = R"({"type":"integer"})"},
    Parameter{.name = "If-Match", .doc = "A version.", .in = In::kHeader}};
constexpr std::array kBodies = {Body{.schema = "Job"},
                                Body{.type = "text/plain", .schema = {}, .example = "a\nb"}};
constexpr std::array kOperations = {
    Operation{.method = "GET",
              .path = "/users/{user}/jobs/{id}",
              .id = "getJob",
              .summary = "One.",
              .parameters = kParameters,
              .answers = kAnswers,
              .role = "viewer"},
    Operation{.method = "GET", .path = "/", .id = "root", .summary = "All.", .open = true},
    Operation{.method = "PUT",
              .path = "/users/{user}/jobs/{id}",
              .id = "putJob",
              .summary = "One.",
              .bodies = kBodies}};
constexpr std::array kSchemas = {Schema{"Job", R"({"type":"object"})"}};

class SdkOpenApi : public ::testing::Test {
 protected:
  SdkOpenApi() {
    const std::string text = write({.title = "Jobs\t1",
                                    .version = "1.0",
                                    .token_doc = "Any.",
                                    .operations = kOperations,
                                    .schemas = kSchemas});
    document_ = YAML::Load(text);  // JSON is YAML
  }
  /// What is at a JSON pointer (RFC 6901); an undefined node when there is nothing.
  YAML::Node node(std::string_view pointer) const {
    YAML::Node found = document_;
    while (!pointer.empty()) {
      pointer.remove_prefix(1);
      std::string key(pointer.substr(0, pointer.find('/')));
      pointer.remove_prefix(key.size());
      for (auto slash = key.find("~1"); slash != std::string::npos; slash = key.find("~1")) {
        key.replace(slash, 2, "/");
      }
      const YAML::Node& parent = found;
      const YAML::Node child = parent.IsSequence() ? parent[std::stoul(key)] : parent[key];
      if (!child.IsDefined()) return YAML::Node(YAML::NodeType::Undefined);
      found.reset(child);
    }
    return found;
  }
  /// The text at a JSON pointer; empty when there is none.
  std::string at(std::string_view pointer) const {
    const YAML::Node found = node(pointer);
    return found.IsDefined() && found.IsScalar() ? found.Scalar() : "";
  }
  std::size_t size_of(std::string_view pointer) const {
    const YAML::Node found = node(pointer);
    return found.IsDefined() ? found.size() : 0;
  }

  YAML::Node document_;
};

TEST_F(SdkOpenApi, PutsTheMethodsOfOnePathTogetherWhereverTheyStand) {
  EXPECT_EQ(size_of("/paths"), 2U);
  EXPECT_EQ(at("/paths/~1users~1{user}~1jobs~1{id}/get/operationId"), "getJob");
  EXPECT_EQ(at("/paths/~1users~1{user}~1jobs~1{id}/put/operationId"), "putJob");
  EXPECT_EQ(at("/paths/~1/get/operationId"), "root");
}

TEST_F(SdkOpenApi, FindsTheParametersOfThePath) {
  const char* get = "/paths/~1users~1{user}~1jobs~1{id}/get/parameters";
  EXPECT_EQ(size_of(get), 4U);
  EXPECT_EQ(at((get + std::string("/0/name"))), "user");
  EXPECT_EQ(at((get + std::string("/1/in"))), "path");
  EXPECT_EQ(at((get + std::string("/2/in"))), "query");
  EXPECT_EQ(at((get + std::string("/3/in"))), "header");
  EXPECT_EQ(size_of("/paths/~1users~1{user}~1jobs~1{id}/put/parameters"), 2U);
  EXPECT_FALSE(node("/paths/~1/get/parameters").IsDefined());
}

TEST_F(SdkOpenApi, SaysWhoMayAndWhatMayComeBack) {
  const std::string get = "/paths/~1users~1{user}~1jobs~1{id}/get";
  EXPECT_EQ(at((get + "/security/0/token/0")), "viewer");
  EXPECT_EQ(size_of("/paths/~1users~1{user}~1jobs~1{id}/put/security/0/token"), 0U) << "any token";
  EXPECT_TRUE(node("/paths/~1/get/security").IsDefined());
  EXPECT_EQ(size_of("/paths/~1/get/security"), 0U) << "none";
  EXPECT_EQ(size_of((get + "/responses")), 3U) << "the place without a status is unused";
  EXPECT_EQ(at((get + "/responses/200/description")), "Its \"state\".");
  EXPECT_EQ(at((get + "/responses/404/content/application~1problem+json/schema/$ref")),
            "#/components/schemas/Problem");
  EXPECT_EQ(size_of((get + "/responses/503/headers")), 1U);
  EXPECT_FALSE(node((get + "/responses/404/headers")).IsDefined());
}

TEST_F(SdkOpenApi, ShowsEachTypeOfABodyAndItsExample) {
  const std::string put = "/paths/~1users~1{user}~1jobs~1{id}/put/requestBody/content";
  EXPECT_EQ(size_of(put), 2U);
  EXPECT_EQ(at((put + "/application~1json/schema/$ref")), "#/components/schemas/Job");
  EXPECT_EQ(at((put + "/text~1plain/example")), "a\nb");
  EXPECT_EQ(at("/info/title"), "Jobs\t1");
}

}  // namespace
}  // namespace tocsin::sdk::openapi
