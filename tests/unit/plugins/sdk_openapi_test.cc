// The writer of OpenAPI documents, which any plugin may use.

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include <array>
#include <string>

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
    document_.Parse<rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
    EXPECT_FALSE(document_.HasParseError()) << text;
  }
  /// The text at a JSON pointer; empty when there is none.
  std::string at(const char* pointer) const {
    const auto* found = rapidjson::Pointer(pointer).Get(document_);
    return found != nullptr && found->IsString() ? found->GetString() : "";
  }
  std::size_t size_of(const char* pointer) const {
    const auto* found = rapidjson::Pointer(pointer).Get(document_);
    if (found == nullptr) return 0;
    return found->IsArray() ? found->Size() : found->MemberCount();
  }

  rapidjson::Document document_;
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
  EXPECT_EQ(at((get + std::string("/0/name")).c_str()), "user");
  EXPECT_EQ(at((get + std::string("/1/in")).c_str()), "path");
  EXPECT_EQ(at((get + std::string("/2/in")).c_str()), "query");
  EXPECT_EQ(at((get + std::string("/3/in")).c_str()), "header");
  EXPECT_EQ(size_of("/paths/~1users~1{user}~1jobs~1{id}/put/parameters"), 2U);
  EXPECT_EQ(rapidjson::Pointer("/paths/~1/get/parameters").Get(document_), nullptr);
}

TEST_F(SdkOpenApi, SaysWhoMayAndWhatMayComeBack) {
  const std::string get = "/paths/~1users~1{user}~1jobs~1{id}/get";
  EXPECT_EQ(at((get + "/security/0/token/0").c_str()), "viewer");
  EXPECT_EQ(size_of("/paths/~1users~1{user}~1jobs~1{id}/put/security/0/token"), 0U) << "any token";
  EXPECT_NE(rapidjson::Pointer("/paths/~1/get/security").Get(document_), nullptr);
  EXPECT_EQ(size_of("/paths/~1/get/security"), 0U) << "none";
  EXPECT_EQ(size_of((get + "/responses").c_str()), 3U) << "the place without a status is unused";
  EXPECT_EQ(at((get + "/responses/200/description").c_str()), "Its \"state\".");
  EXPECT_EQ(at((get + "/responses/404/content/application~1problem+json/schema/$ref").c_str()),
            "#/components/schemas/Problem");
  EXPECT_EQ(size_of((get + "/responses/503/headers").c_str()), 1U);
  EXPECT_EQ(rapidjson::Pointer((get + "/responses/404/headers").c_str()).Get(document_), nullptr);
}

TEST_F(SdkOpenApi, ShowsEachTypeOfABodyAndItsExample) {
  const std::string put = "/paths/~1users~1{user}~1jobs~1{id}/put/requestBody/content";
  EXPECT_EQ(size_of(put.c_str()), 2U);
  EXPECT_EQ(at((put + "/application~1json/schema/$ref").c_str()), "#/components/schemas/Job");
  EXPECT_EQ(at((put + "/text~1plain/example").c_str()), "a\nb");
  EXPECT_EQ(at("/info/title"), "Jobs\t1");
}

}  // namespace
}  // namespace tocsin::sdk::openapi
