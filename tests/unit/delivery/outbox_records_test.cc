#include "gateway/delivery/outbox_records.h"

#include <gtest/gtest.h>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using stage::RecordOutcome;

class OutboxRecordsTest : public ::testing::Test {
 protected:
  /// Turns until the condition holds; a pool thread may be at work.
  template <typename Condition>
  bool turn_until(Condition&& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < give_up) world.turn(1);
    return condition();
  }

  /// What a change came to; an error's text when it failed.
  struct Answer {
    std::string error;
    RecordOutcome outcome;
    bool done = false;
  };
  auto into(Answer& answer) {
    return [&answer](const Result<RecordOutcome>& result) {
      answer.done = true;
      if (result) {
        answer.outcome = *result;
      } else {
        answer.error = code_name(result.error().code);
      }
    };
  }
  Answer put(stage::RecordPut put) {
    Answer answer;
    records.put(std::move(put), into(answer));
    EXPECT_FALSE(answer.done) << "answered inside the call";
    world.turn();
    EXPECT_TRUE(answer.done);
    return answer;
  }
  Answer remove(std::string_view key, stage::RecordVersion if_version = stage::kAnyVersion) {
    Answer answer;
    records.remove("teams", key, if_version, into(answer));
    world.turn();
    EXPECT_TRUE(answer.done);
    return answer;
  }
  std::optional<stage::Record> get(std::string_view key) {
    std::optional<Result<std::optional<stage::Record>>> got;
    records.get("teams", key, [&](auto result) { got = std::move(result); });
    EXPECT_FALSE(got) << "answered inside the call";
    EXPECT_TRUE(turn_until([&] { return got.has_value(); }));
    EXPECT_TRUE(got->has_value());
    return **got;
  }
  stage::RecordPage scan(stage::RecordScan scan) {
    std::optional<Result<stage::RecordPage>> got;
    records.scan(std::move(scan), [&](auto result) { got = std::move(result); });
    EXPECT_TRUE(turn_until([&] { return got.has_value(); }));
    return got->value();
  }

  FakeStorage storage;
  World world{storage};
  event::OffloadPool pool{1, 2};
  OutboxRecords records{*world.port, storage, pool};
};

TEST_F(OutboxRecordsTest, KeepsAValueUnderItsKey) {
  const Answer made = put({.collection = "teams", .key = "ops", .value = "{}"});
  EXPECT_TRUE(made.outcome.changed);
  const auto record = get("ops");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->value, "{}");
  EXPECT_EQ(record->version, made.outcome.version);
  EXPECT_EQ(record->expires_at, std::nullopt);
  EXPECT_EQ(get("other"), std::nullopt);
}

TEST_F(OutboxRecordsTest, ChangesOnlyTheVersionTheCallerKnows) {
  const auto first = put({.collection = "teams", .key = "ops", .value = "1", .if_version = 0});
  const auto twin = put({.collection = "teams", .key = "ops", .value = "2", .if_version = 0});
  EXPECT_FALSE(twin.outcome.changed);
  EXPECT_EQ(twin.outcome.version, first.outcome.version) << "what it lost against";
  const auto next =
      put({.collection = "teams", .key = "ops", .value = "3", .if_version = first.outcome.version});
  EXPECT_TRUE(next.outcome.changed);
  EXPECT_GT(next.outcome.version, first.outcome.version);
  EXPECT_FALSE(remove("ops", first.outcome.version).outcome.changed);
  EXPECT_EQ(get("ops")->value, "3");
  const auto removed = remove("ops", next.outcome.version);
  EXPECT_TRUE(removed.outcome.changed);
  EXPECT_EQ(removed.outcome.version, stage::kNoVersion);
  EXPECT_FALSE(remove("ops").outcome.changed);
}

TEST_F(OutboxRecordsTest, NeverGivesAVersionTwice) {
  const auto before = put({.collection = "teams", .key = "ops", .value = "1"});
  remove("ops");
  const auto after = put({.collection = "teams", .key = "ops", .value = "1", .if_version = 0});
  EXPECT_GT(after.outcome.version, before.outcome.version);
}

TEST_F(OutboxRecordsTest, ForgetsARecordWhenItsTimeIsOver) {
  put({.collection = "teams", .key = "ops", .value = "1", .ttl = std::chrono::seconds(10)});
  world.advance(std::chrono::seconds(9));
  EXPECT_TRUE(get("ops"));
  world.advance(std::chrono::seconds(1));
  EXPECT_FALSE(get("ops"));
  EXPECT_TRUE(
      put({.collection = "teams", .key = "ops", .value = "2", .if_version = 0}).outcome.changed);
}

TEST_F(OutboxRecordsTest, ScansAPrefixInPages) {
  for (const char* key : {"team:a", "team:b", "team:c", "user:a"}) {
    put({.collection = "teams", .key = key, .value = key});
  }
  const auto first = scan({.collection = "teams", .prefix = "team:", .limit = 2});
  ASSERT_EQ(first.records.size(), 2U);
  EXPECT_TRUE(first.more);
  const auto rest = scan({.collection = "teams", .prefix = "team:", .after = "team:b", .limit = 2});
  ASSERT_EQ(rest.records.size(), 1U);
  EXPECT_EQ(rest.records[0].key, "team:c");
  EXPECT_FALSE(rest.more);
}

TEST_F(OutboxRecordsTest, IsInOneBatchWithWhatSurroundsIt) {
  auto& chat = world.add_lane("chat");
  Answer answer;
  records.put({.collection = "teams", .key = "ops", .value = "1"}, into(answer));
  world.append({.to = {chat.door()}});
  using stage::OperationKind;
  const std::vector<std::vector<OperationKind>> batches = storage.batches();
  EXPECT_TRUE(std::ranges::any_of(batches, [](const auto& kinds) {
    return kinds == std::vector{OperationKind::kRecord, OperationKind::kAppend};
  }));
}

TEST_F(OutboxRecordsTest, RefusesWhatIsBeyondItsLimits) {
  const auto code = [&](stage::RecordPut one) { return put(std::move(one)).error; };
  EXPECT_EQ(code({.collection = "", .key = "a"}), "invalid");
  EXPECT_EQ(code({.collection = "Teams", .key = "a"}), "invalid");
  EXPECT_EQ(code({.collection = std::string(stage::kCollectionBytesMax + 1, 'a'), .key = "a"}),
            "invalid");
  EXPECT_EQ(code({.collection = "teams", .key = ""}), "invalid");
  EXPECT_EQ(code({.collection = "teams", .key = std::string(stage::kRecordKeyBytesMax + 1, 'a')}),
            "invalid");
  EXPECT_EQ(code({.collection = "teams",
                  .key = "a",
                  .value = std::string(stage::kRecordValueBytesMax + 1, 'a')}),
            "invalid");
  EXPECT_EQ(code({.collection = "teams",
                  .key = std::string(stage::kRecordKeyBytesMax, 'a'),
                  .value = std::string(stage::kRecordValueBytesMax, 'a')}),
            "");
}

TEST_F(OutboxRecordsTest, RefusesMoreThanMayBeUnderWay) {
  int done = 0;
  int full = 0;
  const auto count = [&](const Result<RecordOutcome>& result) {
    ++done;
    if (!result && result.error().code == Code::kFull) ++full;
  };
  const std::string large(stage::kRecordValueBytesMax - 16, 'v');
  for (std::size_t i = 0; i < OutboxRecords::kChangeBytesMax / stage::kRecordValueBytesMax + 2;
       ++i) {
    records.put({.collection = "teams", .key = "a", .value = large}, count);
  }
  EXPECT_TRUE(turn_until([&] { return done == 66; }));
  EXPECT_EQ(full, 2) << "by bytes";
  done = full = 0;
  for (std::size_t i = 0; i < OutboxRecords::kChangesMax + 3; ++i) {
    records.remove("teams", "a", stage::kAnyVersion, count);
  }
  EXPECT_TRUE(turn_until([&] { return done == OutboxRecords::kChangesMax + 3; }));
  EXPECT_EQ(full, 3) << "by number";
}

TEST_F(OutboxRecordsTest, TakesNothingWhileTheStoreCannotCommit) {
  storage.set_down(true);
  EXPECT_EQ(put({.collection = "teams", .key = "a", .value = "1"}).error, "unavailable");
  EXPECT_EQ(put({.collection = "teams", .key = "a", .value = "1"}).error, "unavailable");
  storage.set_down(false);
  world.pass(std::chrono::seconds(11));
  EXPECT_EQ(put({.collection = "teams", .key = "a", .value = "1"}).error, "");
}

TEST_F(OutboxRecordsTest, LeavesTheRoomOfAFullDiskToSettlements) {
  auto& chat = world.add_lane("chat");
  auto& group = world.append({.to = {chat.door()}});
  storage.set_full(true);
  EXPECT_EQ(put({.collection = "teams", .key = "a", .value = "1"}).error, "unavailable");
  Answer waiting;
  records.put({.collection = "teams", .key = "a", .value = "1"}, into(waiting));
  chat.output->complete();
  world.turn();
  EXPECT_EQ(waiting.error, "unavailable");
  EXPECT_EQ(storage.row(group.delivery()).state, DeliveryState::kDelivered);
  storage.set_full(false);
}

TEST_F(OutboxRecordsTest, KnowsWhatBecameOfACommitOfUnknownOutcome) {
  put({.collection = "teams", .key = "taken", .value = "1"});
  storage.end_next({FakeStorage::Next::kUnknownDone});
  Answer first;
  Answer second;
  records.put({.collection = "teams", .key = "new", .value = "1", .if_version = 0}, into(first));
  records.put({.collection = "teams", .key = "taken", .value = "2", .if_version = 0}, into(second));
  world.turn();
  EXPECT_TRUE(first.outcome.changed);
  EXPECT_FALSE(second.outcome.changed);
  EXPECT_EQ(get("new")->version, first.outcome.version);

  storage.end_next({FakeStorage::Next::kUnknownLost});
  EXPECT_EQ(put({.collection = "teams", .key = "lost", .value = "1"}).error, "unavailable");
  EXPECT_FALSE(get("lost"));
}

}  // namespace
}  // namespace tocsin::delivery::testing
