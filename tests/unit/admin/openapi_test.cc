#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gateway/admin/endpoint.h"
#include "gateway/message/notification_codec.h"
#include "tests/unit/admin/api_fixture.h"
#include "tocsin/sdk/wire_schemas.hpp"

namespace tocsin::admin {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c - 'A' + 'a');
  return out;
}

class AdminOpenApi : public ApiTest {};

TEST_F(AdminOpenApi, ShowsEveryEndpointWithItsRoleAndNothingElse) {
  const Answer answer = get("/v1/openapi.json");
  ASSERT_EQ(answer.status, 200) << answer.text;
  std::size_t shown = 0;
  for (const Value::Entry& path : answer.json.at("paths").as<Value::Map>()) {
    shown += path.value.as<Value::Map>().size();
  }
  EXPECT_EQ(shown, admin_endpoints().size());
  for (const Endpoint& endpoint : admin_endpoints()) {
    const Value* path = answer.json.at("paths").find(endpoint.pattern);
    ASSERT_NE(path, nullptr) << endpoint.pattern;
    const Value* operation = path->find(lower(endpoint.method));
    ASSERT_NE(operation, nullptr) << endpoint.method << " " << endpoint.pattern;
    EXPECT_EQ(operation->string("operationId"), endpoint.id);
    EXPECT_EQ(operation->string("summary"), endpoint.summary);
    const auto& security = operation->at("security").as<Value::List>();
    EXPECT_EQ(security.empty(), endpoint.role == Role::kNobody) << endpoint.pattern;
    if (security.empty()) continue;
    EXPECT_EQ(security[0].at("token").as<Value::List>()[0].as<std::string>(),
              role_name(endpoint.role));
  }
}

TEST_F(AdminOpenApi, TakesAViewersToken) {
  EXPECT_EQ(get("/v1/openapi.json", "").status, 401);
  EXPECT_EQ(get("/v1/openapi.json", kViewer).status, 200);
}

TEST_F(AdminOpenApi, NamesEachEndpointOnceAndOnlySchemasThatThereAre) {
  const Answer answer = get("/v1/openapi.json");
  std::set<std::string_view> ids;
  for (const Endpoint& endpoint : admin_endpoints()) {
    EXPECT_TRUE(ids.insert(endpoint.id).second) << endpoint.id;
    std::set<std::string_view> schemas;
    if (endpoint.takes_json()) schemas.insert(endpoint.body);
    for (const auto& one : endpoint.answers) {
      if (!one.schema.empty()) schemas.insert(one.schema);
    }
    for (const std::string_view schema : schemas) {
      EXPECT_NE(answer.json.at("components").at("schemas").find(schema), nullptr) << schema;
    }
  }
}

// ---- the schema of the wire format and its codec are one contract

class NotificationSchema : public ::testing::Test {
 protected:
  bool decodes(const std::string& json) {
    Arena arena(blocks_, 1024 * 1024);
    return message::decode_notification(json, arena, {}).has_value();
  }
  // A notification in which only `member` is special.
  static std::string with(std::string_view member, const std::string& value) {
    return std::string(R"({"topic":"a")") + ",\"" + std::string(member) + "\":" + value + "}";
  }

  BlockPool blocks_;
  const Value schema_ = *read_json(sdk::wire::kNotification.json);
};

TEST_F(NotificationSchema, NamesEachFieldOfTheCodec) {
  std::set<std::string> named;
  for (const Value::Entry& field : schema_.at("properties").as<Value::Map>()) {
    named.insert(field.key);
  }
  EXPECT_EQ(named, (std::set<std::string>{"topic", "level", "title", "body", "labels", "data",
                                          "key", "external_id", "to", "deliver_at", "delay",
                                          "expires_at", "supersede", "idempotency_key"}));
  const std::string all =
      R"({"topic":"a","level":"info","title":"t","body":"b","labels":{"a":"b"},"data":1,"key":"k",)"
      R"("external_id":"e","to":["email:a@b.example"],"delay":"1m",)"
      R"("expires_at":"2200-01-01T00:00:00Z","supersede":true,"idempotency_key":"i"})";
  EXPECT_TRUE(decodes(all));
  EXPECT_TRUE(decodes(with("deliver_at", "\"2200-01-01T00:00:00Z\"")));
  EXPECT_FALSE(decodes(with("colour", "\"blue\"")));
}

TEST_F(NotificationSchema, KnowsTheCodecsLimits) {
  const Value& fields = schema_.at("properties");
  for (const char* name : {"title", "key", "external_id", "idempotency_key"}) {
    const auto most = static_cast<std::size_t>(fields.at(name).at("maxLength").as<std::int64_t>());
    EXPECT_TRUE(decodes(with(name, '"' + std::string(most, 'x') + '"'))) << name;
    EXPECT_FALSE(decodes(with(name, '"' + std::string(most + 1, 'x') + '"'))) << name;
  }
  EXPECT_EQ(fields.at("topic").at("maxLength").as<std::int64_t>(), message::kTopicBytesMax);
  EXPECT_EQ(fields.at("labels").at("maxProperties").as<std::int64_t>(), message::kLabelsMax);
  EXPECT_EQ(fields.at("labels").at("additionalProperties").at("maxLength").as<std::int64_t>(),
            message::kLabelValueBytesMax);
  EXPECT_EQ(fields.at("to").at("maxItems").as<std::int64_t>(), message::kRecipientsMax);
  EXPECT_EQ(fields.at("to").at("items").at("maxLength").as<std::int64_t>(),
            message::kRecipientBytesMax);
}

TEST_F(NotificationSchema, NamesTheLevelsThatThereAre) {
  const auto& levels = schema_.at("properties").at("level").at("enum").as<Value::List>();
  ASSERT_EQ(levels.size(), 8U);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    EXPECT_EQ(levels[i].as<std::string>(), message::level_name(static_cast<message::Level>(i)));
  }
}

TEST_F(NotificationSchema, NamesTheStatesOfDeliveries) {
  const Value delivery = *read_json(sdk::wire::kDelivery.json);
  const auto& states = delivery.at("properties").at("state").at("enum").as<Value::List>();
  ASSERT_EQ(states.size(), message::kDeliveryStates);
  for (std::size_t i = 0; i < states.size(); ++i) {
    EXPECT_EQ(states[i].as<std::string>(),
              message::state_name(static_cast<message::DeliveryState>(i)));
  }
}

}  // namespace
}  // namespace tocsin::admin
