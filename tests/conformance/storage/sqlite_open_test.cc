// Which files are opened, which are refused and with what words, and that every statement has its
// index.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>

#include "plugins/storage/sqlite/schema.h"
#include "tests/conformance/storage/storage_under_test.h"

namespace tocsin::conformance {

namespace {

class SqliteOpen : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(testing::TempDir()) / ("tocsin-open-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "outbox.db").string();
  }
  void TearDown() override {
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<StorageUnderTest> make(const std::vector<std::string>& search = {}) const {
    return std::make_unique<StorageUnderTest>(TOCSIN_STORAGE_SQLITE,
                                              Settings{{"path", path_},
                                                       {"ballast_size", {}, 0},
                                                       {"lock_timeout", {}, 0},
                                                       {"search", {}, 0, search}});
  }
  /// Creates the database and closes it.
  void create() const {
    const auto store = make();
    const Opened opened = store->open();
    ASSERT_EQ(opened.status, std::uint32_t{TOCSIN_OK}) << opened.fault;
    store->close();
  }
  std::string refusal() const {
    const Opened opened = make()->open();
    return opened.status == TOCSIN_OK ? "opened" : opened.fault;
  }
  void run(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  std::string ask(const std::string& sql) const {
    sqlite3* database = nullptr;
    sqlite3_open(path_.c_str(), &database);
    std::string answer;
    sqlite3_exec(
        database, sql.c_str(),
        [](void* user, int, char** values, char**) {
          static_cast<std::string*>(user)->append(values[0] != nullptr ? values[0] : "null");
          return 0;
        },
        &answer, nullptr);
    sqlite3_close(database);
    return answer;
  }
  std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void write(const std::string& content) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }

  std::filesystem::path folder_;
  std::string path_;
};

#define EXPECT_SAYS(text, part)                                                             \
  EXPECT_PRED2([](const std::string& all,                                                   \
                  const std::string& some) { return all.find(some) != std::string::npos; }, \
               text, part)

TEST_F(SqliteOpen, ANewDatabaseIsOursAndOnlyForItsOwner) {
  create();
  struct stat found{};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_EQ(ask("PRAGMA application_id"), std::to_string(0x544F4353));
  EXPECT_EQ(ask("PRAGMA user_version"), "6");
  EXPECT_EQ(ask("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(ask("PRAGMA auto_vacuum"), "2");
}

TEST_F(SqliteOpen, AnEmptyFileIsNew) {
  write("");
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(SqliteOpen, ANewerSchemaIsRefusedAndLeftAlone) {
  create();
  run("PRAGMA user_version=7");
  const std::string before = bytes();
  const std::string words = refusal();
  EXPECT_SAYS(words, "has schema 7, written by a newer release");
  EXPECT_SAYS(words, "start the newer release again");
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteOpen, AnotherApplicationsDatabaseIsRefusedAndLeftAlone) {
  run("CREATE TABLE theirs (x); PRAGMA user_version=1");
  const std::string before = bytes();
  EXPECT_SAYS(refusal(), "belongs to another application");
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteOpen, AnotherApplicationsDatabaseIsToldByWhatItIsMarkedWith) {
  run("CREATE TABLE theirs (x)");
  EXPECT_SAYS(refusal(), "(it has tables and is not marked as an outbox): name another path");
  run("PRAGMA application_id=252006673");  // GeoPackage's, for one
  const std::string before = bytes();
  EXPECT_SAYS(refusal(), "(its application_id is 252006673, an outbox has 1414480723)");
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteOpen, ADatabaseWithAVersionOfSomebodyElsesIsRefused) {
  run("PRAGMA user_version=3");
  EXPECT_SAYS(refusal(), "(it has a user_version and is not marked as an outbox)");
}

TEST_F(SqliteOpen, WhatIsNoDatabaseIsRefusedAndLeftAlone) {
  const std::string before(8192, 'x');
  write(before);
  EXPECT_SAYS(refusal(), "is no SQLite database");
  EXPECT_EQ(bytes(), before);
}

TEST_F(SqliteOpen, ADamagedDatabaseIsRefusedWithTheCommandToRun) {
  create();
  std::string content = bytes();
  // The page of the schema itself, behind the file's head.
  content.replace(100, 400, std::string(400, '\xFF'));
  write(content);
  const std::string words = refusal();
  EXPECT_SAYS(words, "is damaged");
  EXPECT_SAYS(words, ".recover | sqlite3 NEW.db");
  EXPECT_EQ(bytes(), content);
}

TEST_F(SqliteOpen, ADatabaseThatWasCutShortIsRefused) {
  create();
  const std::string content = bytes().substr(0, 6000);
  write(content);
  EXPECT_SAYS(refusal(), "is damaged");
  EXPECT_EQ(bytes(), content);
}

TEST_F(SqliteOpen, ALogWithoutItsDatabaseIsRefused) {
  std::ofstream(path_ + "-wal") << "not empty";
  EXPECT_SAYS(refusal(), "is missing or empty but its log");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SqliteOpen, AFolderThatIsNotThereIsNamed) {
  path_ = (folder_ / "missing" / "outbox.db").string();
  const std::string words = refusal();
  EXPECT_SAYS(words, "cannot create");
  EXPECT_SAYS(words, "make its folder");
}

// Root may write everything unless this thread gives that up for a while.
class WithoutOverride {
 public:
  WithoutOverride() {
    ::syscall(SYS_capget, &header_, held_);
    __user_cap_data_struct less[2] = {held_[0], held_[1]};
    less[0].effective &= ~((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH));
    EXPECT_EQ(::syscall(SYS_capset, &header_, less), 0);
  }
  ~WithoutOverride() { ::syscall(SYS_capset, &header_, held_); }
  WithoutOverride(const WithoutOverride&) = delete;
  WithoutOverride& operator=(const WithoutOverride&) = delete;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held_[2]{};
};

TEST_F(SqliteOpen, AFileThatMayOnlyBeReadIsRefused) {
  create();
  const WithoutOverride as_anybody;
  std::filesystem::permissions(path_, std::filesystem::perms::owner_read);
  EXPECT_SAYS(refusal(), "the right to write it");
}

TEST_F(SqliteOpen, AnotherProgramsTransactionIsWaitedForAndThenNamed) {
  create();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  sqlite3_exec(other, "BEGIN IMMEDIATE; INSERT INTO meta VALUES ('x', 1)", nullptr, nullptr,
               nullptr);
  EXPECT_SAYS(refusal(), "another program keeps the database");
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(SqliteOpen, ADatabaseThatIsMovedAwayTakesNothingUntilItIsBack) {
  const auto store = make();
  ASSERT_EQ(store->open().status, std::uint32_t{TOCSIN_OK});
  std::uint64_t id = 0;
  const auto append = [&] {
    Append one(++id);
    one.to("mail");
    return store->apply(one);
  };
  ASSERT_EQ(append().outcome, std::uint32_t{TOCSIN_APPLIED});
  std::filesystem::rename(path_, path_ + ".moved");
  EXPECT_EQ(append().outcome, std::uint32_t{TOCSIN_APPLY_FAILED});
  EXPECT_SAYS(append().fault, "moved, deleted or replaced");
  write("another file");
  EXPECT_EQ(append().outcome, std::uint32_t{TOCSIN_APPLY_FAILED});
  std::filesystem::rename(path_ + ".moved", path_);
  EXPECT_EQ(append().outcome, std::uint32_t{TOCSIN_APPLIED});
}

TEST_F(SqliteOpen, SettingsThatRiskLossAreWarnedOf) {
  const StorageUnderTest store(TOCSIN_STORAGE_SQLITE, Settings{{"path", path_}, {"sync", "off"}});
  ASSERT_EQ(store.log_lines.size(), 1U);
  EXPECT_SAYS(store.log_lines[0], "sync is off");
}

// ---- migration: the mechanism, with steps of the test's own

class SqliteMigration : public SqliteOpen {
 protected:
  std::string migrate(const std::vector<sqlite::Migration>& steps) {
    sqlite::Database database;
    std::ofstream(path_, std::ios::app).close();
    EXPECT_TRUE(
        database.open(path_, sqlite::Database::Access::kWrite, std::chrono::milliseconds(0)));
    tocsin_fault fault{};
    const std::uint32_t status = sqlite::migrate(database, path_, steps, {}, &fault);
    return status == TOCSIN_OK ? "" : std::string(fault.what, fault.what_len);
  }
  const sqlite::Migration first_{"CREATE TABLE a (x); INSERT INTO a VALUES (1)"};
  const sqlite::Migration second_{"ALTER TABLE a ADD COLUMN y DEFAULT 5"};
  const sqlite::Migration third_{"CREATE TABLE b (z); INSERT INTO b SELECT y FROM a"};
  const sqlite::Migration broken_{"CREATE TABLE c (x); INSERT INTO nowhere VALUES (1)"};
};

TEST_F(SqliteMigration, AnOlderDatabaseTakesOnlyTheStepsItLacks) {
  EXPECT_EQ(migrate({first_}), "");
  EXPECT_EQ(ask("PRAGMA user_version"), "1");
  EXPECT_EQ(migrate({first_, second_, third_}), "");
  EXPECT_EQ(ask("PRAGMA user_version"), "3");
  EXPECT_EQ(ask("SELECT count(*) FROM a"), "1");
  EXPECT_EQ(ask("SELECT z FROM b"), "5");
  EXPECT_EQ(migrate({first_, second_, third_}), "");
}

TEST_F(SqliteMigration, AStepThatFailsTakesBackAllOfThem) {
  EXPECT_EQ(migrate({first_}), "");
  EXPECT_SAYS(migrate({first_, second_, broken_}), "nowhere");
  EXPECT_EQ(ask("PRAGMA user_version"), "1");
  EXPECT_EQ(ask("SELECT count(*) FROM pragma_table_info('a')"), "1");
  EXPECT_EQ(ask("SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), "0");
}

TEST_F(SqliteMigration, ADatabaseOfVersionZeroGoesAllTheWay) {
  run("PRAGMA application_id=" + std::to_string(0x544F4353));
  EXPECT_EQ(refusal(), "opened");
  EXPECT_EQ(ask("PRAGMA user_version"), std::to_string(sqlite::migrations().size()));
}

// What the releases before say to the tables; they may still run beside us.
constexpr const char* kWordsOfSchemaOne =
    "INSERT INTO notifications (id, codec, level, accepted_at, expires_at, input, caller, topic, "
    "external_id, payload) VALUES (8, 1, 2, 5, 0, 'api', '', 't', '', '{}');"
    "INSERT INTO deliveries (notification_id, ordinal, output, class, state, owner, next_at, "
    "updated_at, attempts, crashes, cancel_requested, review, address, reason, provider_id) "
    "VALUES (8, 0, 1, 1, 0, 0, 5, 5, 0, 0, 0, 0, '', '', '');"
    "SELECT d.notification_id, d.ordinal, d.attempts, d.crashes, d.next_at, d.address, "
    "n.payload, n.accepted_at, n.expires_at, d.review FROM deliveries AS d INDEXED BY unsettled "
    "CROSS JOIN notifications AS n ON n.id = d.notification_id WHERE d.state <= 2 AND d.owner = 0 "
    "AND d.output = 1 AND d.class = 1 ORDER BY d.next_at, d.notification_id, d.ordinal;"
    "UPDATE deliveries SET state = 1, owner = 9 WHERE notification_id = 8 AND ordinal = 0;"
    "UPDATE deliveries SET state = 4, owner = 0 WHERE notification_id = 8 AND ordinal = 0;"
    "SELECT notification_id FROM deliveries INDEXED BY dead_by_output WHERE state = 4;"
    "SELECT notification_id FROM deliveries INDEXED BY dead_by_id WHERE state = 4;";

TEST_F(SqliteMigration, ADatabaseOfSchemaOneKeepsEverythingAndItsReleaseGoesOnWithIt) {
  const auto steps = sqlite::migrations();
  EXPECT_EQ(migrate({steps.begin(), steps.begin() + 1}), "");
  run("INSERT INTO outputs VALUES (1, 'mail', 1, 0);"
      "INSERT INTO notifications VALUES (7, 1, 2, 5, 0, 'api', '', 't', '', '{}');"
      "INSERT INTO deliveries VALUES (7, 0, 1, 1, 0, 0, 5, 5, 0, 0, 0, 0, '', '', '')");
  const auto store = make();
  ASSERT_EQ(store->open().status, std::uint32_t{TOCSIN_OK});
  EXPECT_EQ(store->state_of(7), TOCSIN_STATE_READY);
  auto put = put_of("a", "1", 9);
  EXPECT_EQ(store->apply(put).outcome, std::uint32_t{TOCSIN_APPLIED});
  run(kWordsOfSchemaOne);
  EXPECT_EQ(store->state_of(8), TOCSIN_STATE_DEAD);
  auto redrive = review_of(8, TOCSIN_REDRIVE);
  auto claim = claim_of("mail", 10);
  EXPECT_EQ(store->apply(redrive, claim).outcome, std::uint32_t{TOCSIN_APPLIED});
  EXPECT_EQ(claim.claimed_count, 2U);
  store->close();
  EXPECT_EQ(ask("PRAGMA user_version"), std::to_string(steps.size()));
}

// ---- plans

std::set<std::string>* seen = nullptr;

int note_statement(unsigned, void*, void* statement, void*) {
  const char* sql = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
  if (seen != nullptr && sql != nullptr) seen->insert(sql);
  return 0;
}

int watch_connection(sqlite3* database, const char**, const void*) {
  sqlite3_trace_v2(database, SQLITE_TRACE_STMT, note_statement, nullptr);
  return SQLITE_OK;
}

class SqlitePlans : public SqliteOpen {
 protected:
  /// A million deliveries beside what the store does: half wait, some lie dead, the rest is over.
  void fill() const {
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
        "INSERT INTO notifications (id, codec, level, accepted_at, expires_at, input, caller, "
        "topic, external_id, payload, group_key) SELECT 100000 + i, 1, 2, 5, 0, 'api', '', 't', "
        "'', '{}', 'k' || i FROM n;"
        "INSERT INTO outputs (id, name, ready, dead) VALUES (1, 'filler', 500000, 100000);"
        "INSERT INTO deliveries (notification_id, ordinal, output, class, state, owner, next_at, "
        "updated_at, attempts, crashes, cancel_requested, review, address, reason, provider_id, "
        "key_hash) SELECT id, 0, 1, 1, CASE WHEN id % 2 THEN 0 WHEN id % 10 = 0 THEN 4 ELSE 3 END, "
        "0, id, 5, 0, 0, 0, 0, '', '', '', id * 2654435761 FROM notifications");
  }
  static void everything(StorageUnderTest& store) {
    for (std::uint64_t id = 1; id <= 1200; ++id) {
      Append append(id);
      append.claimed("mail").to(id % 2 == 0 ? "chat" : "sms");
      if (id % 2 == 0) append.keyed(id, 1, kStart + static_cast<std::int64_t>(id));
      if (id % 3 == 0) append.in_stream("s", id, id + 1);
      auto settle = settle_of(id, id % 5 == 0 ? TOCSIN_STATE_DEAD : TOCSIN_STATE_DELIVERED);
      store.apply(append, settle);
    }
    auto claim = claim_of("sms", 50);
    auto back = settle_of(1, TOCSIN_STATE_READY, 1);
    auto cancel = cancel_of(2, "");
    auto cancel_claimed = cancel_of(3, "");
    auto cancelled = settle_of(3, TOCSIN_STATE_READY, 1);
    auto approve = review_of(5, TOCSIN_APPROVE);
    auto redrive = review_of(10, TOCSIN_REDRIVE);
    const tocsin_new_delivery next{str("mail"), {}, TOCSIN_STATE_READY, 0, 0, 0, kStart};
    Append falling(1201);
    falling.claimed("chat");
    auto fall_back = settle_of(1201, TOCSIN_STATE_FELL_BACK);
    fall_back.successor = &next;
    store.apply(falling, fall_back);
    auto renew = renew_of(5000);
    auto purge = purge_of(kStart + 5, kStart + 600);
    auto put = put_of("a", "1", 5001, TOCSIN_VERSION_ANY, kStart + 5);
    auto again = put_of("b", "1", 5002);
    auto removal = remove_of("b");
    store.apply(put, again, removal, claim, back, cancel, cancel_claimed, cancelled, approve,
                redrive, renew, purge);
    Append newer(1202);
    newer.grouped("k").to("chat").ordered().to("mail", TOCSIN_STATE_READY, kStart + kSecond);
    newer.ordered(TOCSIN_ORDER_WHEN_DUE);
    Append newest(1203);
    newest.grouped("k").claimed("chat");
    auto supersede = supersede_of(1203, "", "k");
    auto reschedule = reschedule_of(4, "", kStart + 9);
    auto move = move_of("sms", "chat", 10);
    auto move_dead = move_of("mail", "chat", 10, true);
    auto redrive_due = redrive_due_of(kStart);
    auto recovered = redrive_due_of(kStart, 10, "mail");
    auto blame = blame_of(1203);
    auto look = look_of();
    store.apply(newer, newest, supersede, reschedule, move, move_dead, redrive_due, recovered,
                blame, look);
    store.record("a");
    auto scan = scan_of("a");
    store.scan(scan);
    scan.descending = 1;
    store.scan(scan);
    store.dead_letters();
    store.dead_letters("mail", 10, 800, 0);
    store.notification(700);
    store.backlog();
    store.existing({1, 2, 3});
    store.find(TOCSIN_QUERY_BY_KEY, "k");
    store.find(TOCSIN_QUERY_BY_EXTERNAL_ID, "e");
    tocsin_query health{};
    health.size = sizeof health;
    health.kind = TOCSIN_QUERY_HEALTH;
    store.query(health);
  }
  std::vector<std::string> plan(const std::string& sql) const {
    sqlite3* database = nullptr;
    sqlite3_open(path_.c_str(), &database);
    std::vector<std::string> lines;
    const int code = sqlite3_exec(
        database, ("EXPLAIN QUERY PLAN " + sql).c_str(),
        [](void* user, int, char** values, char**) {
          static_cast<std::vector<std::string>*>(user)->emplace_back(values[3]);
          return 0;
        },
        &lines, nullptr);
    EXPECT_EQ(code, SQLITE_OK) << sql << ": " << sqlite3_errmsg(database);
    sqlite3_close(database);
    return lines;
  }
};

TEST_F(SqlitePlans, EveryStatementUsesItsIndexAmongAMillionRows) {
  // Tables with a row for each output, segment or epoch may be read and sorted as a whole.
  const std::set<std::string> small{
      "outputs",         "o",    "key_segments", "instances", "sqlite_master",
      "sqlite_sequence", "meta", "moved",        "CONSTANT"};
  // Walked from one end in their order, and left after a few rows.
  const std::set<std::string> walked{"keys"};
  create();
  fill();
  std::set<std::string> statements;
  seen = &statements;
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch_connection));
  {
    const auto store = make({"key", "external_id"});
    store->open();
    everything(*store);
    store->close();
    store->open();
    store->close();
  }
  sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(watch_connection));
  seen = nullptr;

  int checked = 0;
  for (const std::string& sql : statements) {
    const std::string verb = sql.substr(0, sql.find(' '));
    if (verb != "SELECT" && verb != "UPDATE" && verb != "DELETE" && verb != "INSERT") continue;
    ++checked;
    bool large = false;
    for (const std::string& line : plan(sql)) {
      large = large || line.starts_with("SEARCH deliveries") || line.starts_with("SEARCH d ") ||
              line.starts_with("SEARCH records");
      EXPECT_FALSE(large && line == "USE TEMP B-TREE FOR ORDER BY") << sql;
      if (!line.starts_with("SCAN ")) continue;
      const std::string table = line.substr(5, line.find(' ', 5) - 5);
      const bool ends_early = walked.count(table) != 0 && sql.find("LIMIT") != std::string::npos;
      EXPECT_TRUE(small.count(table) != 0 || ends_early) << sql << "\n" << line;
    }
  }
  EXPECT_GE(checked, 55) << "statements were not seen";
}

}  // namespace

}  // namespace tocsin::conformance
