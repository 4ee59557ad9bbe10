// Looking notifications up by what their sender calls them: who asks for it pays, and who does not
// is told how to.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "tests/conformance/storage/storage_under_test.h"

namespace tocsin::conformance {

namespace {

using Columns = std::vector<std::string>;

class SqliteSearch : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(testing::TempDir()) / ("tocsin-search-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "outbox.db").string();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<StorageUnderTest> make(const Columns& search, bool shared = false) const {
    auto made = std::make_unique<StorageUnderTest>(TOCSIN_STORAGE_SQLITE,
                                                   Settings{{"path", path_},
                                                            {"ballast_size", {}, 0},
                                                            {"shared", {}, shared ? 1 : 0},
                                                            {"search", {}, 0, search}});
    const Opened opened = made->open();
    EXPECT_EQ(opened.status, std::uint32_t{TOCSIN_OK}) << opened.fault;
    return made;
  }
  void open(const Columns& search) {
    if (store_) store_->close();
    store_ = make(search);
  }
  std::vector<std::uint64_t> ids(std::uint32_t kind, std::string_view text,
                                 std::uint32_t limit = 100, std::uint64_t before_id = 0) {
    const Page page = store_->find(kind, text, limit, before_id);
    EXPECT_EQ(page.status, std::uint32_t{TOCSIN_OK}) << page.fault;
    std::vector<std::uint64_t> found;
    for (const NotificationRow& row : page.notifications) found.push_back(row.id);
    return found;
  }
  int indexes() const {
    sqlite3* database = nullptr;
    sqlite3_open(path_.c_str(), &database);
    int count = 0;
    sqlite3_exec(
        database, "SELECT name FROM sqlite_schema WHERE name LIKE 'search_%'",
        [](void* user, int, char**, char**) { return ++*static_cast<int*>(user), 0; }, &count,
        nullptr);
    sqlite3_close(database);
    return count;
  }
  void fill() {
    for (std::uint64_t id = 1; id <= 6; ++id) {
      Append append(id, R"({"topic":"orders.paid"})");
      append.grouped(id % 2 == 0 ? "even" : "odd").external(id == 4 ? "4711" : "").from("shop");
      append.to("mail");
      store_->apply(append);
    }
    Append nameless(7);
    nameless.to("mail");
    store_->apply(nameless);
  }

  std::filesystem::path folder_;
  std::string path_;
  std::unique_ptr<StorageUnderTest> store_;
};

TEST_F(SqliteSearch, FindsTheNewestFirstPageByPage) {
  open({"key", "external_id"});
  fill();
  using Ids = std::vector<std::uint64_t>;
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_KEY, "even"), (Ids{6, 4, 2}));
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_KEY, "even", 2), (Ids{6, 4}));
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_KEY, "even", 2, 4), (Ids{2}));
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_KEY, "eve"), Ids{});
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_KEY, ""), Ids{});
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_EXTERNAL_ID, "4711"), (Ids{4}));
  const Page page = store_->find(TOCSIN_QUERY_BY_EXTERNAL_ID, "4711");
  ASSERT_EQ(page.notifications.size(), 1U);
  EXPECT_EQ(page.notifications[0].caller, "shop");
  EXPECT_EQ(page.notifications[0].payload, R"({"topic":"orders.paid"})");
}

TEST_F(SqliteSearch, NobodyPaysWhoDoesNotAskAndIsToldHowTo) {
  open({"external_id"});
  EXPECT_EQ(indexes(), 1);
  const Page page = store_->find(TOCSIN_QUERY_BY_KEY, "even");
  EXPECT_EQ(page.status, std::uint32_t{TOCSIN_NOT_FOUND});
  EXPECT_EQ(page.fault, "the store is not made to be searched by key: add key to storage.search");
}

TEST_F(SqliteSearch, IsTurnedOnForWhatIsThereAndOffAgain) {
  open({});
  fill();
  EXPECT_EQ(indexes(), 0);
  open({"key", "external_id"});
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_KEY, "odd").size(), 3U);
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_EXTERNAL_ID, "4711").size(), 1U);
  open({"key"});
  EXPECT_EQ(indexes(), 1);
  EXPECT_EQ(ids(TOCSIN_QUERY_BY_KEY, "odd").size(), 3U);
  open({});
  EXPECT_EQ(indexes(), 0);
  EXPECT_EQ(store_->notification(4).notifications.size(), 1U);
}

// Another gateway may be in the middle of a search.
TEST_F(SqliteSearch, IsNotTakenFromAnotherThatLives) {
  store_ = make({"key"}, true);
  fill();
  {
    const auto other = make({}, true);
    EXPECT_EQ(indexes(), 1);
    EXPECT_EQ(ids(TOCSIN_QUERY_BY_KEY, "odd").size(), 3U);
    other->close();
  }
  store_->close();
}

}  // namespace

}  // namespace tocsin::conformance
