#include "gateway/admin/store_audit.h"

#include "tests/unit/admin/api_fixture.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class StoreAuditTest : public testing::Test {
 protected:
  static AuditRecord change(std::string_view who = "olga") {
    return {.who = who,
            .role = "operator",
            .action = "dead_letter.redrive",
            .target = "dlv_1-0",
            .result = "ok",
            .status = 200,
            .detail = {},
            .peer = "127.0.0.1:5000",
            .request_id = "req-1"};
  }
  double lost() {
    const std::string text = metrics.expose();
    const std::string name = "\ntocsin_audit_lost_total ";
    const std::size_t at = text.find(name);
    return at == text.npos ? -1 : std::stod(text.substr(at + name.size()));
  }

  ManualClock clock;
  FakeAudit logged;
  FakeRecords records;
  telemetry::Metrics metrics{1};
  telemetry::ShardClaim claim{metrics, 0};
  std::shared_ptr<telemetry::SinkState> lines = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(lines), {}, clock};
  StoreAudit audit{logged, records, clock, log, metrics, {.keep = std::chrono::hours(5), .tag = 7}};
};

TEST_F(StoreAuditTest, KeepsWhatIsLoggedUnderAKeyOfItsTime) {
  audit.record(change());
  ASSERT_THAT(logged.records, SizeIs(1)) << "before the store answers";
  records.answer_waiting();
  ASSERT_THAT(records.records, SizeIs(1));
  const auto& [key, put] = *records.records.begin();
  EXPECT_EQ(put.collection, "audit");
  EXPECT_EQ(put.ttl, std::chrono::hours(5));
  EXPECT_EQ(put.if_version, stage::kNoVersion);
  EXPECT_TRUE(is_audit_id(key)) << key;
  EXPECT_THAT(key, testing::EndsWith("-00000007"));
  const auto json = read_json(put.value);
  ASSERT_TRUE(json) << put.value;
  EXPECT_EQ(json->string("id"), key);
  EXPECT_EQ(json->string("who"), "olga");
  EXPECT_EQ(json->string("role"), "operator");
  EXPECT_EQ(json->string("action"), "dead_letter.redrive");
  EXPECT_EQ(json->string("target"), "dlv_1-0");
  EXPECT_EQ(json->string("result"), "ok");
  EXPECT_EQ(json->integer("status"), 200);
  EXPECT_EQ(json->find("detail"), nullptr) << "what is empty is left out";
  EXPECT_EQ(json->string("peer"), "127.0.0.1:5000");
  EXPECT_EQ(json->string("request_id"), "req-1");
  EXPECT_NE(json->find("at"), nullptr);
}

TEST_F(StoreAuditTest, GivesAscendingKeysWhateverTheClockDoes) {
  std::vector<std::string> order;
  for (const int step : {0, 1, -50, 0}) {
    clock.step_wall(std::chrono::seconds(step));
    audit.record(change(std::to_string(order.size())));
    order.push_back(std::to_string(order.size()));
  }
  records.answer_waiting();
  std::vector<std::string> found;
  for (const auto& [key, put] : records.records) {
    found.push_back(read_json(put.value)->string("who"));
  }
  EXPECT_EQ(found, order);
}

TEST_F(StoreAuditTest, CutsWhatIsTooLong) {
  AuditRecord record = change();
  const std::string path(100'000, 'x');
  record.target = path;
  record.detail = path;
  audit.record(record);
  records.answer_waiting();
  ASSERT_THAT(records.records, SizeIs(1));
  EXPECT_EQ(read_json(records.records.begin()->second.value)->string("target").size(),
            StoreAudit::kMemberBytesMax);
}

TEST_F(StoreAuditTest, LogsAndCountsWhatTheStoreDoesNotTake) {
  records.down = Error{Code::kUnavailable, "the disk is gone", ""};
  for (int i = 0; i < 3; ++i) audit.record(change());
  records.answer_waiting();
  EXPECT_THAT(logged.records, SizeIs(3));
  EXPECT_EQ(lost(), 3);
  records.down.reset();
  audit.record(change());
  records.answer_waiting();
  EXPECT_EQ(lost(), 3);
  log.flush(std::chrono::seconds(5));
  const std::string text = lines->text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << "when it begins and when it ends";
  EXPECT_THAT(text, HasSubstr("the disk is gone"));
}

TEST_F(StoreAuditTest, KeepsOnlySoManyAttemptsOfNobodyWeKnow) {
  for (std::uint32_t i = 0; i < StoreAudit::kUnknownBurst + 20; ++i) audit.record(change(""));
  audit.record(change());
  records.answer_waiting();
  EXPECT_THAT(logged.records, SizeIs(StoreAudit::kUnknownBurst + 21));
  EXPECT_THAT(records.records, SizeIs(StoreAudit::kUnknownBurst + 1));
  EXPECT_EQ(lost(), 20);
  clock.advance(StoreAudit::kUnknownEvery);
  audit.record(change(""));
  records.answer_waiting();
  EXPECT_THAT(records.records, SizeIs(StoreAudit::kUnknownBurst + 2));
}

TEST_F(StoreAuditTest, KeepsWhatComesAfterAReloadAsLongAsThatSays) {
  audit.record(change());
  audit.set_keep(std::chrono::hours(9));
  audit.record(change());
  records.answer_waiting();
  ASSERT_THAT(records.records, SizeIs(2));
  EXPECT_EQ(records.records.begin()->second.ttl, std::chrono::hours(5));
  EXPECT_EQ(records.records.rbegin()->second.ttl, std::chrono::hours(9));
}

TEST_F(StoreAuditTest, OnlyLogsOnceItIsClosed) {
  audit.close();
  audit.record(change());
  EXPECT_FALSE(records.answer_waiting());
  EXPECT_THAT(logged.records, SizeIs(1));
}

// ---- GET /v1/audit

class AuditPagesTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    for (int i = 1; i <= 5; ++i) {
      const std::string key = id(i);
      records.records[key] = {.key = key, .value = R"({"id":")" + key + "\"}"};
    }
  }
  static std::string id(int number) {
    return "000000000000000" + std::to_string(number) + "-0000000a";
  }
  static std::vector<std::string> ids(const Answer& answer) {
    std::vector<std::string> found;
    for (const Value& one : answer.json.at("audit").as<Value::List>()) {
      found.push_back(one.string("id"));
    }
    return found;
  }
};

TEST_F(AuditPagesTest, ComeNewestFirst) {
  const Answer first = get("/v1/audit?limit=2", kAdmin);
  ASSERT_EQ(first.status, 200);
  EXPECT_THAT(ids(first), ElementsAre(id(5), id(4)));
  const Answer rest = get("/v1/audit?before=" + first.json.string("next"), kAdmin);
  EXPECT_THAT(ids(rest), ElementsAre(id(3), id(2), id(1)));
  EXPECT_EQ(rest.json.find("next"), nullptr);
}

TEST_F(AuditPagesTest, AreForAdminsAlone) {
  EXPECT_EQ(get("/v1/audit", kOperator).status, 403);
  EXPECT_EQ(get("/v1/audit", kViewer).status, 403);
  EXPECT_EQ(get("/v1/audit", "").status, 401);
}

TEST_F(AuditPagesTest, AreListedOnlyWithSensibleParameters) {
  for (const char* query : {"limit=0", "limit=501", "limit=x", "before=7", "output=mail",
                            "before=000000000000000G-0000000a"}) {
    EXPECT_EQ(get(std::string("/v1/audit?") + query, kAdmin).status, 400) << query;
  }
}

TEST_F(AuditPagesTest, SayWhenTheStoreCannotServe) {
  records.down = Error{Code::kUnavailable, "the disk is gone", ""};
  EXPECT_EQ(get("/v1/audit", kAdmin).status, 503);
}

TEST_F(AuditPagesTest, AreNoneWithoutNotifications) {
  AdminParts without = parts({});
  without.ledger = nullptr;
  without.records = nullptr;
  serve(std::move(without));
  EXPECT_EQ(get("/v1/audit", "").status, 404);
}

}  // namespace
}  // namespace tocsin::admin
