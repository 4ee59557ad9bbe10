// A disk that is full, fails or may only be read: what each batch then comes to, that nothing that
// was acknowledged is lost, and that the store works again when the fault is gone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "tests/conformance/storage/power_cut_vfs.h"
#include "tests/conformance/storage/storage_under_test.h"

namespace tocsin::conformance {

namespace {

using Fault = PowerCutDisk::Fault;

constexpr std::int64_t kBallastBytes = 1 << 20;

class SqliteFaults : public testing::Test {
 protected:
  void SetUp() override {
    disk_.reset();
    folder_ =
        std::filesystem::path(testing::TempDir()) / ("tocsin-faults-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    make();
    const Opened opened = store_->open();
    ASSERT_EQ(opened.status, std::uint32_t{TOCSIN_OK}) << opened.fault;
    epoch_ = opened.epoch;
  }
  void TearDown() override {
    store_.reset();
    disk_.reset();
    std::filesystem::remove_all(folder_);
  }

  void make() {
    store_ = std::make_unique<StorageUnderTest>(TOCSIN_STORAGE_SQLITE,
                                                Settings{{"path", (folder_ / "outbox.db").string()},
                                                         {"ballast_size", {}, kBallastBytes},
                                                         {"checkpoint_size", {}, 128 << 10}});
  }
  std::string ballast() const { return (folder_ / "outbox.db.ballast").string(); }

  Applied append(std::uint64_t id) {
    Append one(id);
    one.claimed("mail");
    return store_->apply(one);
  }
  Applied settle(std::uint64_t id) {
    auto one = settle_of(id, TOCSIN_STATE_DELIVERED);
    return store_->apply(one);
  }
  static ::testing::AssertionResult is(const Applied& applied, std::uint32_t outcome) {
    if (applied.outcome == outcome) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "outcome " << applied.outcome << ": " << applied.fault;
  }

  PowerCutDisk& disk_ = PowerCutDisk::install();
  std::filesystem::path folder_;
  std::unique_ptr<StorageUnderTest> store_;
  std::uint32_t epoch_ = 0;
};

TEST_F(SqliteFaults, AFullDiskTakesNoAppendsAndStillSettles) {
  ASSERT_TRUE(is(append(1), TOCSIN_APPLIED));
  ASSERT_EQ(std::filesystem::file_size(ballast()), static_cast<std::uintmax_t>(kBallastBytes));
  disk_.full_while_exists(ballast());

  const Applied full = append(2);
  EXPECT_TRUE(is(full, TOCSIN_APPLY_FAILED));
  EXPECT_EQ(full.code, std::uint32_t{TOCSIN_FULL});
  EXPECT_NE(full.fault.find("is full"), std::string::npos) << full.fault;
  EXPECT_FALSE(std::filesystem::exists(ballast()));

  // The room that is free now is for settling.
  EXPECT_TRUE(is(settle(1), TOCSIN_APPLIED));
  const Applied refused = append(3);
  EXPECT_TRUE(is(refused, TOCSIN_APPLY_FAILED));
  EXPECT_EQ(refused.code, std::uint32_t{TOCSIN_FULL});
  auto put = put_of("a", "1", 1);
  auto removal = remove_of("a");
  EXPECT_TRUE(is(store_->apply(put), TOCSIN_APPLY_FAILED));
  EXPECT_TRUE(is(store_->apply(removal), TOCSIN_APPLIED));
  EXPECT_EQ(store_->existing({1, 2, 3}), std::vector<std::uint64_t>{1});
  EXPECT_EQ(store_->state_of(1), TOCSIN_STATE_DELIVERED);
}

TEST_F(SqliteFaults, AppendsAreTakenAgainWhenThereIsRoom) {
  disk_.fail(Fault::kFull);
  EXPECT_TRUE(is(append(1), TOCSIN_APPLY_FAILED));
  disk_.fail(Fault::kNone);
  // Nobody looks for room with each batch.
  EXPECT_TRUE(is(append(1), TOCSIN_APPLY_FAILED));
  store_->wall_ns += 5 * kSecond;
  EXPECT_TRUE(is(append(1), TOCSIN_APPLIED));
  EXPECT_TRUE(std::filesystem::exists(ballast()));
}

TEST_F(SqliteFaults, AFaultAtAnyCommitLosesNothing) {
  struct Case {
    Fault fault;
    std::uint32_t outcome;
  };
  for (const Case& one :
       {Case{Fault::kFull, TOCSIN_APPLY_FAILED}, Case{Fault::kReadOnly, TOCSIN_APPLY_FAILED},
        Case{Fault::kWriteError, TOCSIN_APPLY_UNKNOWN},
        Case{Fault::kSyncError, TOCSIN_APPLY_UNKNOWN}}) {
    for (const std::uint64_t commits : {0U, 1U, 7U, 200U}) {
      TearDown();
      SetUp();
      std::vector<std::uint64_t> acknowledged;
      for (std::uint64_t id = 1; id <= commits; ++id) {
        ASSERT_TRUE(is(append(id), TOCSIN_APPLIED));
        acknowledged.push_back(id);
      }
      disk_.fail(one.fault);
      const Applied failed = append(commits + 1);
      EXPECT_TRUE(is(failed, one.outcome));
      EXPECT_NE(failed.fault, "");
      disk_.fail(Fault::kNone);
      store_->wall_ns += 10 * kSecond;
      if (one.outcome == TOCSIN_APPLY_UNKNOWN) {
        store_->close();
        const Opened opened = store_->open();
        ASSERT_EQ(opened.status, std::uint32_t{TOCSIN_OK}) << opened.fault;
        EXPECT_EQ(opened.epoch, epoch_);
        EXPECT_EQ(opened.taken_over, 0U);
      }
      ASSERT_TRUE(is(append(commits + 1), TOCSIN_APPLIED));
      acknowledged.push_back(commits + 1);
      EXPECT_EQ(store_->existing(acknowledged), acknowledged);
      // What was claimed is still ours.
      EXPECT_TRUE(is(settle(commits + 1), TOCSIN_APPLIED));
      EXPECT_EQ(store_->state_of(commits + 1), TOCSIN_STATE_DELIVERED);
    }
  }
}

TEST_F(SqliteFaults, AfterAnUnknownCommitNothingIsAppliedBeforeReopening) {
  disk_.fail(Fault::kSyncError);
  EXPECT_TRUE(is(append(1), TOCSIN_APPLY_UNKNOWN));
  disk_.fail(Fault::kNone);
  EXPECT_TRUE(is(append(2), TOCSIN_APPLY_FAILED));
  store_->close();
  ASSERT_EQ(store_->open().status, std::uint32_t{TOCSIN_OK});
  EXPECT_TRUE(is(append(2), TOCSIN_APPLIED));
}

// A sync that failed has lost what was written before it, and the next one does not bring it back.
// What is committed afterwards must not stand on it.
TEST_F(SqliteFaults, CommitsAfterAFailedSyncSurviveAPowerCut) {
  for (std::uint64_t id = 1; id <= 5; ++id) ASSERT_TRUE(is(append(id), TOCSIN_APPLIED));
  disk_.fail(Fault::kSyncError);
  EXPECT_TRUE(is(append(6), TOCSIN_APPLY_UNKNOWN));
  disk_.fail(Fault::kNone);
  store_->close();
  ASSERT_EQ(store_->open().status, std::uint32_t{TOCSIN_OK});
  const bool sixth = !store_->existing({6}).empty();
  ASSERT_TRUE(is(append(7), TOCSIN_APPLIED));
  disk_.cut();
  store_.reset();
  disk_.restore();
  make();
  ASSERT_EQ(store_->open().status, std::uint32_t{TOCSIN_OK});
  EXPECT_EQ(store_->existing({1, 2, 3, 4, 5, 7}), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 7}));
  EXPECT_EQ(!store_->existing({6}).empty(), sixth);
}

TEST_F(SqliteFaults, TheSameAfterACrashInsteadOfAReopening) {
  disk_.fail(Fault::kSyncError);
  EXPECT_TRUE(is(append(1), TOCSIN_APPLY_UNKNOWN));
  // The next process finds the log as the page cache shows it.
  store_.reset();
  disk_.fail(Fault::kNone);
  make();
  ASSERT_EQ(store_->open().status, std::uint32_t{TOCSIN_OK});
  const std::vector<std::uint64_t> before = store_->existing({1});
  ASSERT_TRUE(is(append(2), TOCSIN_APPLIED));
  disk_.cut();
  store_.reset();
  disk_.restore();
  make();
  ASSERT_EQ(store_->open().status, std::uint32_t{TOCSIN_OK});
  EXPECT_EQ(store_->existing({1}), before);
  EXPECT_EQ(store_->existing({2}), std::vector<std::uint64_t>{2});
}

TEST_F(SqliteFaults, AStoreThatCannotBeReopenedStaysTheSameEpochs) {
  ASSERT_TRUE(is(append(1), TOCSIN_APPLIED));
  disk_.fail(Fault::kSyncError);
  EXPECT_TRUE(is(append(2), TOCSIN_APPLY_UNKNOWN));
  disk_.fail(Fault::kWriteError);
  store_->close();
  EXPECT_NE(store_->open().status, std::uint32_t{TOCSIN_OK});
  EXPECT_NE(store_->open().status, std::uint32_t{TOCSIN_OK});
  disk_.fail(Fault::kNone);
  const Opened opened = store_->open();
  ASSERT_EQ(opened.status, std::uint32_t{TOCSIN_OK}) << opened.fault;
  EXPECT_EQ(opened.epoch, epoch_);
  EXPECT_TRUE(is(settle(1), TOCSIN_APPLIED));
  EXPECT_EQ(store_->state_of(1), TOCSIN_STATE_DELIVERED);
}

TEST_F(SqliteFaults, ARolledBackBatchLeavesNoTraceInMemory) {
  Append first(1);
  first.to("new-output").keyed(1, 5, kStart + kSecond).in_stream("s", 0, 1);
  disk_.fail(Fault::kReadOnly);
  EXPECT_TRUE(is(store_->apply(first), TOCSIN_APPLY_FAILED));
  EXPECT_TRUE(is(store_->apply(first), TOCSIN_APPLY_FAILED));
  disk_.fail(Fault::kNone);
  EXPECT_TRUE(store_->backlog().empty());
  Append second(2);
  second.to("new-output").keyed(1, 5, kStart + kSecond).in_stream("s", 0, 1);
  EXPECT_TRUE(is(store_->apply(second), TOCSIN_APPLIED));
  EXPECT_EQ(second.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
  EXPECT_EQ(store_->backlog().at("new-output").ready, 1U);
}

TEST_F(SqliteFaults, AFileSystemThatMayOnlyBeReadIsNamedAtOpening) {
  store_->close();
  disk_.fail(Fault::kReadOnly);
  const Opened opened = store_->open();
  EXPECT_NE(opened.status, std::uint32_t{TOCSIN_OK});
  EXPECT_NE(opened.fault.find("cannot write the database"), std::string::npos) << opened.fault;
  disk_.fail(Fault::kNone);
  EXPECT_EQ(store_->open().status, std::uint32_t{TOCSIN_OK});
}

TEST_F(SqliteFaults, APowerCutWhileOpeningIsHarmless) {
  ASSERT_TRUE(is(append(1), TOCSIN_APPLIED));
  for (std::uint64_t operation = 1; operation < 60; ++operation) {
    store_.reset();
    disk_.reset();
    make();
    disk_.cut_at(operation, operation);
    const bool opened = store_->open().status == TOCSIN_OK;
    disk_.cut();
    store_.reset();
    disk_.restore();
    make();
    const Opened again = store_->open();
    ASSERT_EQ(again.status, std::uint32_t{TOCSIN_OK}) << operation << ": " << again.fault;
    ASSERT_EQ(store_->existing({1}), std::vector<std::uint64_t>{1}) << operation;
    if (opened) return;
  }
  FAIL() << "opening took more than sixty operations";
}

}  // namespace

}  // namespace tocsin::conformance
