// What only SQLite does to be shared: turns, and where it will not be.
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "plugins/storage/sqlite/file_system.h"
#include "plugins/storage/sqlite/turn.h"
#include "tests/conformance/storage/storage_under_test.h"

namespace tocsin::conformance {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SqliteShared : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(testing::TempDir()) / ("tocsin-shared-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::ofstream(lock()) << "";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string lock() const { return (folder_ / "outbox.db.lock").string(); }
  std::unique_ptr<StorageUnderTest> make(bool shared) const {
    return std::make_unique<StorageUnderTest>(TOCSIN_STORAGE_SQLITE,
                                              Settings{{"path", (folder_ / "outbox.db").string()},
                                                       {"ballast_size", {}, 0},
                                                       {"shared", {}, shared ? 1 : 0}});
  }

  std::filesystem::path folder_;
};

TEST_F(SqliteShared, WhoWantsToShareMayAndWhoDoesNotSayIsRefused) {
  const auto first = make(true);
  ASSERT_EQ(first->open().status, std::uint32_t{TOCSIN_OK});
  EXPECT_EQ(make(true)->open().status, std::uint32_t{TOCSIN_OK});
  const Opened refused = make(false)->open();
  EXPECT_NE(refused.status, std::uint32_t{TOCSIN_OK});
  EXPECT_NE(refused.fault.find("another gateway, epoch 1, uses the database"), std::string::npos)
      << refused.fault;
}

TEST_F(SqliteShared, FileSystemsOfANetworkAreKnownByTheirNumber) {
  EXPECT_EQ(sqlite::remote_file_system(NFS_SUPER_MAGIC), "NFS");
  EXPECT_EQ(sqlite::remote_file_system(0xFF534D42), "CIFS");
  // As a machine with 32 bits tells it.
  EXPECT_EQ(sqlite::remote_file_system(static_cast<std::int32_t>(0xFE534D42)), "SMB 2");
  const std::int64_t locals[] = {EXT4_SUPER_MAGIC, 0x58465342 /* XFS */, TMPFS_MAGIC,
                                 OVERLAYFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC};
  for (const std::int64_t local : locals) {
    EXPECT_EQ(sqlite::remote_file_system(local), "") << local;
  }
  EXPECT_EQ(sqlite::remote_file_system_of(lock()), "");
}

TEST_F(SqliteShared, ATurnIsHeldByOne) {
  sqlite::Turn first;
  sqlite::Turn second;
  EXPECT_EQ(first.take(lock(), seconds(0)), 0);
  EXPECT_EQ(first.take(lock(), seconds(0)), 0) << "holding it already is fine";
  EXPECT_EQ(second.take(lock(), seconds(0)), EAGAIN);
  first.give();
  EXPECT_EQ(second.take(lock(), seconds(0)), 0);
  EXPECT_TRUE(second.held());
}

TEST_F(SqliteShared, WhoGaveUpWaitingDoesNotStandInTheWay) {
  sqlite::Turn holder;
  sqlite::Turn tired;
  sqlite::Turn next;
  ASSERT_EQ(holder.take(lock(), seconds(0)), 0);
  ASSERT_EQ(tired.take(lock(), milliseconds(2)), EAGAIN);
  holder.give();
  EXPECT_EQ(next.take(lock(), seconds(0)), 0);
}

TEST_F(SqliteShared, WhoEndedHoldsNoTurn) {
  {
    sqlite::Turn gone;
    ASSERT_EQ(gone.take(lock(), seconds(0)), 0);
  }
  sqlite::Turn next;
  EXPECT_EQ(next.take(lock(), seconds(0)), 0);
}

// One that takes turn after turn with no pause would leave the other none.
TEST_F(SqliteShared, WhoWaitsComesBeforeWhoJustHadTheTurn) {
  std::atomic<bool> ends{false};
  std::atomic<int> greedy_turns{0};
  std::thread greedy([&] {
    sqlite::Turn turn;
    while (!ends) {
      ASSERT_EQ(turn.take(lock(), seconds(20)), 0);
      ++greedy_turns;
      turn.give();
    }
  });
  while (greedy_turns == 0) std::this_thread::yield();
  sqlite::Turn modest;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(modest.take(lock(), seconds(20)), 0);
    modest.give();
  }
  ends = true;
  greedy.join();
}

}  // namespace

}  // namespace tocsin::conformance
