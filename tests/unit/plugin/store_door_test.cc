#include "gateway/plugin/store_door.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

/// Keeps what is asked, until the test answers.
struct HeldReports final : stage::Reports {
  void report(stage::Report report, Function<void(Result<void>)> done) override {
    reports.push_back(std::move(report));
    waiting.push_back(std::move(done));
  }
  void answer(Result<void> result) {
    auto done = std::move(waiting.front());
    waiting.pop_front();
    done(std::move(result));
  }
  std::vector<stage::Report> reports;
  std::deque<Function<void(Result<void>)>> waiting;
};

struct HeldSuppressions final : stage::SuppressionList {
  bool takes(std::string_view address) const override {
    return address.find(':') != std::string_view::npos;
  }
  void suppress(stage::SuppressionOrder order, Function<void(Result<void>)> done) override {
    orders.push_back(std::move(order));
    waiting.push_back(std::move(done));
  }
  void lift(std::string_view address, std::string_view by,
            Function<void(Result<void>)> done) override {
    lifted.emplace_back(address, by);
    waiting.push_back(std::move(done));
  }
  void answer(Result<void> result) {
    auto done = std::move(waiting.front());
    waiting.pop_front();
    done(std::move(result));
  }
  std::vector<stage::SuppressionOrder> orders;
  std::vector<std::pair<std::string, std::string>> lifted;
  std::deque<Function<void(Result<void>)>> waiting;
};

/// Records in memory, answered by answer().
struct HeldRecords final : stage::Records {
  void get(std::string_view collection, std::string_view key,
           Function<void(Result<std::optional<stage::Record>>)> done) override {
    EXPECT_EQ(collection, StoreDoor::kCollection);
    const auto found = kept.find(std::string(key));
    Result<std::optional<stage::Record>> result;
    if (down) {
      result = fail(Code::kIo, "the disk is gone");
    } else if (found != kept.end()) {
      result = std::optional(found->second);
    }
    waiting.push_back([done = std::move(done), result]() mutable { done(result); });
  }
  void put(stage::RecordPut put, Function<void(Result<stage::RecordOutcome>)> done) override {
    EXPECT_EQ(put.collection, StoreDoor::kCollection);
    ttl = put.ttl;
    const auto found = kept.find(put.key);
    const stage::RecordVersion has =
        found == kept.end() ? stage::kNoVersion : found->second.version;
    const bool met = put.if_version == stage::kAnyVersion || put.if_version == has;
    Result<stage::RecordOutcome> result = stage::RecordOutcome{met, ++versions};
    if (met) kept[put.key] = {put.key, put.value, versions, std::nullopt};
    if (down) result = fail(Code::kFull, "too much is asked");
    waiting.push_back([done = std::move(done), result]() mutable { done(result); });
  }
  void remove(std::string_view, std::string_view, stage::RecordVersion,
              Function<void(Result<stage::RecordOutcome>)>) override {}
  void scan(stage::RecordScan, Function<void(Result<stage::RecordPage>)>) override {}
  void answer() {
    auto one = std::move(waiting.front());
    waiting.pop_front();
    one();
  }
  std::map<std::string, stage::Record> kept;
  std::deque<Function<void()>> waiting;
  Duration ttl{};
  stage::RecordVersion versions = 40;
  bool down = false;
};

class StoreDoorTest : public PluginTest {
 protected:
  StoreDoorTest() {
    environment.reports = &reports;
    environment.suppressions = &suppressions;
    environment.records = &records;
    ScriptedOutput::Script::script = &script;
    script.start = [this](const sdk::Host& given) { host = given; };
    instance = instance_of<ScriptedOutput>(Kind::kOutput);
    worker = &start(*instance);
  }
  ~StoreDoorTest() override { worker->finish(); }
  std::uint32_t bounce(std::string_view id) {
    return host->report(sdk::Report::bounced(id, "gone", "p-1"), hear);
  }

  HeldReports reports;
  HeldSuppressions suppressions;
  HeldRecords records;
  OutputScript script;
  std::optional<sdk::Host> host;
  InstancePtr instance;
  Worker* worker = nullptr;
  std::vector<std::uint32_t> heard;
  sdk::Replies::Told hear = [this](std::uint32_t status) { heard.push_back(status); };
};

TEST_F(StoreDoorTest, HandsAReportOnAndTellsWhatCameOfIt) {
  const message::DeliveryId id{{77}, 3};
  ASSERT_EQ(bounce(id.text()), std::uint32_t{TOCSIN_OK});
  ASSERT_EQ(reports.reports.size(), 1U);
  EXPECT_EQ(reports.reports[0].id, id);
  EXPECT_EQ(reports.reports[0].state, message::ReportState::kBounced);
  EXPECT_EQ(reports.reports[0].reason, "gone");
  EXPECT_EQ(reports.reports[0].provider_id, "p-1");
  EXPECT_EQ(worker->under_way(), 1U);
  EXPECT_TRUE(heard.empty());
  reports.answer({});
  EXPECT_EQ(worker->under_way(), 0U);
  bounce(id.text());
  bounce(id.text());
  reports.answer(fail(Code::kNotFound, "there is none"));
  reports.answer(fail(Code::kFull, "too much"));
  EXPECT_EQ(heard, (std::vector<std::uint32_t>{TOCSIN_OK, TOCSIN_NOT_FOUND, TOCSIN_UNAVAILABLE}));
}

TEST_F(StoreDoorTest, KnowsAtOnceWhatIsNoId) {
  EXPECT_EQ(bounce("17"), std::uint32_t{TOCSIN_NOT_FOUND});
  EXPECT_EQ(bounce(""), std::uint32_t{TOCSIN_NOT_FOUND});
  EXPECT_TRUE(reports.reports.empty());
  tocsin_report report{};
  report.size = sizeof(report);
  report.state = 3;
  EXPECT_EQ(host->c_host().report(host->c_worker(), &report, nullptr, nullptr),
            std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(host->c_host().report(host->c_worker(), nullptr, nullptr, nullptr),
            std::uint32_t{TOCSIN_INVALID});
}

TEST_F(StoreDoorTest, IsBounded) {
  const std::string id = message::DeliveryId{{77}, 3}.text();
  for (std::size_t i = 0; i < StoreDoor::kCallsMax; ++i) {
    ASSERT_EQ(bounce(id), std::uint32_t{TOCSIN_OK});
  }
  EXPECT_EQ(bounce(id), std::uint32_t{TOCSIN_FULL});
  EXPECT_EQ(host->records().put("k", "v"), std::uint32_t{TOCSIN_FULL});
  reports.answer({});
  EXPECT_EQ(bounce(id), std::uint32_t{TOCSIN_OK});
}

TEST_F(StoreDoorTest, TellsNobodyWhoIsGone) {
  const std::string id = message::DeliveryId{{77}, 3}.text();
  bounce(id);
  host->records().put("k", "v", 0, {}, hear);
  worker->finish();
  reports.answer({});
  records.answer();
  EXPECT_TRUE(heard.empty());
  EXPECT_EQ(host->c_host().record_put(host->c_worker(), sdk::to_c("k"), {}, 0, 0, nullptr, nullptr),
            std::uint32_t{TOCSIN_GONE});
}

TEST_F(StoreDoorTest, SuppressesInItsOwnName) {
  ASSERT_EQ(host->suppress("sms:+1", "STOP", std::chrono::hours(1), hear),
            std::uint32_t{TOCSIN_OK});
  ASSERT_EQ(host->lift("sms:+2", hear), std::uint32_t{TOCSIN_OK});
  ASSERT_EQ(suppressions.orders.size(), 1U);
  EXPECT_EQ(suppressions.orders[0].address, "sms:+1");
  EXPECT_EQ(suppressions.orders[0].reason, "STOP");
  EXPECT_EQ(suppressions.orders[0].by, "plugin:test");
  EXPECT_EQ(suppressions.orders[0].keep, std::chrono::hours(1));
  ASSERT_EQ(suppressions.lifted.size(), 1U);
  EXPECT_EQ(suppressions.lifted[0], std::pair(std::string("sms:+2"), std::string("plugin:test")));
  suppressions.answer({});
  suppressions.answer(fail(Code::kNotFound, "it was not"));
  EXPECT_EQ(heard, (std::vector<std::uint32_t>{TOCSIN_OK, TOCSIN_NOT_FOUND}));
  EXPECT_EQ(host->suppress("nobody", "STOP"), std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(host->suppress("sms:+1", "STOP", Duration(-1)), std::uint32_t{TOCSIN_INVALID});
}

TEST_F(StoreDoorTest, KeepsRecordsUnderTheInstancesOwnPrefix) {
  host->records().put("token", "a", sdk::RecordDoor::kAbsent, std::chrono::minutes(1), hear);
  records.answer();
  EXPECT_EQ(records.ttl, std::chrono::minutes(1));
  ASSERT_EQ(records.kept.size(), 1U);
  EXPECT_EQ(records.kept.begin()->first, "test/output/scripted/token");
  EXPECT_EQ(records.kept.begin()->second.value, "a");
  EXPECT_EQ(heard, (std::vector<std::uint32_t>{TOCSIN_OK}));
}

TEST_F(StoreDoorTest, ReplacesARecordOnlyIfNothingChanged) {
  const sdk::RecordDoor door = host->records();
  std::vector<std::uint64_t> versions;
  const auto read = [&](const sdk::RecordAnswer& answer) { versions.push_back(answer.version()); };
  door.get("k", read);
  records.answer();
  ASSERT_EQ(versions.back(), sdk::RecordDoor::kAbsent);
  door.put("k", "a", versions.back(), {}, hear);
  door.put("k", "b", versions.back(), {}, hear);
  records.answer();
  records.answer();
  door.get("k", read);
  records.answer();
  door.put("k", "c", versions.back(), {}, hear);
  door.put("k", "d", versions.back(), {}, hear);
  door.put("k", "e", sdk::RecordDoor::kAny, {}, hear);
  for (int i = 0; i < 3; ++i) records.answer();
  EXPECT_EQ(heard, (std::vector<std::uint32_t>{TOCSIN_OK, TOCSIN_EXISTS, TOCSIN_OK, TOCSIN_EXISTS,
                                               TOCSIN_OK}));
  EXPECT_EQ(records.kept.begin()->second.value, "e");
}

TEST_F(StoreDoorTest, SaysThatTheStoreIsDown) {
  records.down = true;
  std::uint32_t status = TOCSIN_OK;
  host->records().get("k", [&](const sdk::RecordAnswer& answer) { status = answer.status(); });
  host->records().put("k", "v", 0, {}, hear);
  records.answer();
  records.answer();
  EXPECT_EQ(status, std::uint32_t{TOCSIN_UNAVAILABLE});
  EXPECT_EQ(heard, (std::vector<std::uint32_t>{TOCSIN_UNAVAILABLE}));
}

TEST_F(StoreDoorTest, RefusesWhatIsBeyondALimit) {
  const sdk::RecordDoor door = host->records();
  EXPECT_EQ(door.put("", "v"), std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(door.put(std::string(StoreDoor::kKeyBytesMax + 1, 'k'), "v"),
            std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(door.put("k", std::string(StoreDoor::kValueBytesMax + 1, 'v')),
            std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(door.put("k", "v", 0, Duration(-1)), std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(door.get("", [](const sdk::RecordAnswer&) {}), std::uint32_t{TOCSIN_INVALID});
  EXPECT_TRUE(records.waiting.empty());
}

class StorelessDoorTest : public PluginTest {};

TEST_F(StorelessDoorTest, SaysThatThereIsNoStore) {
  OutputScript script;
  ScriptedOutput::Script::script = &script;
  std::optional<sdk::Host> host;
  script.start = [&](const sdk::Host& given) { host = given; };
  InstancePtr instance = instance_of<ScriptedOutput>(Kind::kOutput);
  Worker& worker = start(*instance);
  EXPECT_EQ(host->report(sdk::Report::delivered("x")), std::uint32_t{TOCSIN_UNAVAILABLE});
  EXPECT_EQ(host->lift("sms:+1"), std::uint32_t{TOCSIN_UNAVAILABLE});
  EXPECT_EQ(host->records().put("k", "v"), std::uint32_t{TOCSIN_UNAVAILABLE});
  worker.finish();
}

}  // namespace
}  // namespace tocsin::plugin
