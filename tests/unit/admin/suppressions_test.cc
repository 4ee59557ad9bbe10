#include "gateway/delivery/suppressions.h"

#include <gmock/gmock.h>

#include "tests/unit/admin/api_fixture.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::admin {
namespace {

using testing::ElementsAre;

class SuppressionPages : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    list.emplace(table, records, loop, log);
    AdminParts with = parts({{"vera", std::string(kViewer), Role::kViewer},
                             {"olga", std::string(kOperator), Role::kOperator}});
    with.suppressions = &*list;
    serve(std::move(with));
  }
  static std::vector<std::string> addresses(const Answer& answer) {
    std::vector<std::string> found;
    for (const Value& one : answer.json.at("suppressions").as<Value::List>()) {
      found.push_back(one.string("address"));
    }
    return found;
  }

  policy::SharedTable table{delivery::Suppressions::table_options()};
  std::shared_ptr<telemetry::SinkState> logged = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(logged), {}, clock};
  std::optional<delivery::Suppressions> list;
};

TEST_F(SuppressionPages, AddListAndRemove) {
  const Answer added =
      post("/v1/suppressions", R"({"address":"phone:001","reason":"asked to","ttl":"30d"})");
  EXPECT_EQ(added.status, 200) << added.text;
  EXPECT_EQ(added.json.string("status"), "suppressed");
  EXPECT_EQ(records.records.at("phone:001").ttl, std::chrono::days(30));
  EXPECT_EQ(list->find("phone:001"), "asked to");
  EXPECT_EQ(audit.records.back().action, "suppression.add");
  EXPECT_EQ(audit.records.back().target, "phone:001");

  post("/v1/suppressions", R"({"address":"phone:002"})");
  const Answer first = get("/v1/suppressions?limit=1");
  EXPECT_THAT(addresses(first), ElementsAre("phone:001"));
  EXPECT_THAT(addresses(get("/v1/suppressions?after=" + first.json.string("next"))),
              ElementsAre("phone:002"));
  EXPECT_EQ(first.json.at("suppressions").as<Value::List>()[0].string("by"), "olga");

  EXPECT_EQ(post("/v1/suppressions/remove", R"({"address":"phone:001"})").status, 200);
  EXPECT_FALSE(list->find("phone:001"));
  EXPECT_EQ(post("/v1/suppressions/remove", R"({"address":"phone:001"})").status, 404);
}

TEST_F(SuppressionPages, KnowAnEmailAddressByItsDomainInSmallLetters) {
  const Answer added = post("/v1/suppressions", R"({"address":"email:Ann@X.Example"})");
  EXPECT_EQ(added.json.string("address"), "email:Ann@x.example");
  EXPECT_EQ(audit.records.back().target, "email:Ann@x.example");
  EXPECT_TRUE(list->find("email:Ann@X.EXAMPLE"));
  EXPECT_FALSE(list->find("email:ann@x.example"));
  EXPECT_THAT(addresses(get("/v1/suppressions?prefix=email:Ann@X")),
              ElementsAre("email:Ann@x.example"));
  EXPECT_EQ(post("/v1/suppressions/remove", R"({"address":"email:Ann@x.EXAMPLE"})").status, 200);
  EXPECT_FALSE(list->find("email:Ann@x.example"));
}

TEST_F(SuppressionPages, RefuseWhatIsNoAddressAndWhatTheyDoNotKnow) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"address":"nobody"})", "/address"},
      {R"({"address":5})", "/address"},
      {R"({"address":"E mail:a@b"})", "/address"},
      {R"({"reason":"x"})", "/address"},
      {R"({"address":"a:b","ttl":"soon"})", "/ttl"},
      {R"({"address":"a:b","ttl":"0s"})", "/ttl"},
      {R"({"address":"a:b","until":"x"})", "/until"},
      {"[]", ""},
      {"{", ""},
  };
  for (const auto& [body, pointer] : cases) {
    const Answer answer = post("/v1/suppressions", body);
    EXPECT_EQ(answer.status, 400) << body;
    const Value* told = answer.json.find("pointer");
    EXPECT_EQ(told == nullptr ? "" : told->as<std::string>(), pointer) << body;
  }
  EXPECT_EQ(get("/v1/suppressions?limit=0").status, 400);
  EXPECT_TRUE(records.records.empty());
}

TEST_F(SuppressionPages, TakeAnOperatorToChange) {
  EXPECT_EQ(post("/v1/suppressions", R"({"address":"a:b"})", kViewer).status, 403);
  EXPECT_EQ(post("/v1/suppressions/remove", R"({"address":"a:b"})", kViewer).status, 403);
  EXPECT_EQ(get("/v1/suppressions", "").status, 401);
}

TEST_F(SuppressionPages, SayWhenTheStoreCannotServe) {
  records.down = Error{Code::kUnavailable, "the disk is gone", ""};
  EXPECT_EQ(get("/v1/suppressions").status, 503);
  EXPECT_EQ(post("/v1/suppressions", R"({"address":"a:b"})").status, 503);
}

}  // namespace
}  // namespace tocsin::admin
