// What holds over batches and lives: keys, streams, epochs, pages, history.
#include <atomic>
#include <thread>

#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {

namespace {

constexpr std::int64_t kDay = 24 * 3600 * kSecond;

class StorageBatch : public StorageTest {};

INSTANTIATE_TEST_SUITE_P(All, StorageBatch, testing::ValuesIn(storages()),
                         [](const auto& kind) { return kind.param.name; });

// ---- idempotency keys

TEST_P(StorageBatch, AKeyAnswersItsTwinWithWhatTheFirstOneGot) {
  Append first(10);
  Append twin(11);
  Append other(12);
  first.to("mail").to("chat").keyed(1, 5, kStart + kDay);
  twin.to("mail").keyed(1, 5, kStart + kDay);
  other.to("mail").keyed(1, 6, kStart + kDay);
  EXPECT_APPLIED(store().apply(first, twin, other));
  EXPECT_EQ(first.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
  EXPECT_EQ(twin.op.outcome, std::uint32_t{TOCSIN_APPEND_REPLAYED});
  EXPECT_EQ(twin.op.earlier_id, 10U);
  EXPECT_EQ(twin.op.earlier_deliveries, 2U);
  EXPECT_EQ(other.op.outcome, std::uint32_t{TOCSIN_APPEND_CONFLICT});
  EXPECT_TRUE(store().notification(11).notifications.empty());
  EXPECT_EQ(store().backlog().at("mail").ready, 1U);

  ASSERT_EQ(reopen().status, std::uint32_t{TOCSIN_OK});
  Append later(13);
  later.to("mail").keyed(1, 5, kStart + kDay);
  EXPECT_APPLIED(store().apply(later));
  EXPECT_EQ(later.op.outcome, std::uint32_t{TOCSIN_APPEND_REPLAYED});
  EXPECT_EQ(later.op.earlier_id, 10U);
}

TEST_P(StorageBatch, AKeyIsFreeAgainWhenItsTimeIsOver) {
  Append first(10);
  Append early(11);
  Append late(12);
  Append twin(13);
  first.to("mail").keyed(1, 5, kStart + 100);
  early.to("mail").keyed(1, 6, kStart + 200).at(kStart + 99);
  late.to("mail").keyed(1, 6, kStart + 200).at(kStart + 100);
  twin.to("mail").keyed(1, 6, kStart + 300).at(kStart + 101);
  EXPECT_APPLIED(store().apply(first, early, late, twin));
  EXPECT_EQ(early.op.outcome, std::uint32_t{TOCSIN_APPEND_CONFLICT});
  EXPECT_EQ(late.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
  EXPECT_EQ(twin.op.outcome, std::uint32_t{TOCSIN_APPEND_REPLAYED});
  EXPECT_EQ(twin.op.earlier_id, 12U);
}

TEST_P(StorageBatch, ADroppedNotificationKeepsOnlyItsKey) {
  Append dropped(10);
  Append twin(11);
  dropped.keyed(1, 5, kStart + kDay).dropped_by("dedup");
  twin.keyed(1, 5, kStart + kDay).to("mail");
  EXPECT_APPLIED(store().apply(dropped));
  EXPECT_APPLIED(store().apply(twin));
  EXPECT_EQ(twin.op.outcome, std::uint32_t{TOCSIN_APPEND_REPLAYED});
  EXPECT_EQ(twin.op.earlier_deliveries, 0U);
  EXPECT_EQ(text(twin.op.earlier_dropped_by), "dedup");
  EXPECT_TRUE(store().notification(10).notifications.empty());
  EXPECT_EQ(store().existing({10, 11}), std::vector<std::uint64_t>{10});
}

TEST_P(StorageBatch, AKeyedAppendAppliedTwiceIsNoTwinOfItself) {
  Append append(10);
  append.to("mail").keyed(1, 5, kStart + kDay);
  EXPECT_APPLIED(store().apply(append));
  EXPECT_APPLIED(store().apply(append));
  EXPECT_EQ(append.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
}

TEST_P(StorageBatch, KeysAreFoundAmongVeryMany) {
  // More than any cache in memory holds, so that the way to the disk is walked.
  constexpr std::uint64_t kKeys = 70'000;
  constexpr std::uint64_t kBatch = 500;
  for (std::uint64_t id = 1; id <= kKeys; id += kBatch) {
    std::vector<Append> appends;
    std::vector<tocsin_operation*> operations;
    appends.reserve(kBatch);
    for (std::uint64_t i = id; i < id + kBatch; ++i) {
      appends.emplace_back(i).keyed(i, 1, kStart + kDay).dropped_by("dedup");
      operations.push_back(StorageUnderTest::pointer_to(appends.back()));
    }
    EXPECT_APPLIED(store().apply_all(operations));
    ASSERT_EQ(appends.back().op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED}) << id;
  }
  const auto expect_found = [&] {
    for (std::uint64_t key = 1; key <= kKeys; key += 997) {
      Append twin(kKeys + 10);
      twin.to("mail").keyed(key, 1, kStart + kDay);
      EXPECT_APPLIED(store().apply(twin));
      ASSERT_EQ(twin.op.outcome, std::uint32_t{TOCSIN_APPEND_REPLAYED}) << key;
      ASSERT_EQ(twin.op.earlier_id, key);
    }
  };
  expect_found();
  ASSERT_EQ(reopen().status, std::uint32_t{TOCSIN_OK});
  expect_found();

  std::uint32_t deleted = 0;
  for (bool more = true; more;) {
    auto purge = purge_of(0, kStart + kDay, 5000);
    EXPECT_APPLIED(store().apply(purge));
    deleted += purge.deleted;
    more = purge.more != 0;
  }
  EXPECT_EQ(deleted, kKeys);
  Append free_again(kKeys + 11);
  free_again.to("mail").keyed(3, 2, kStart + 2 * kDay);
  EXPECT_APPLIED(store().apply(free_again));
  EXPECT_EQ(free_again.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
}

// ---- streams

TEST_P(StorageBatch, WhatAStreamIsPastIsSkipped) {
  Append first(10);
  Append again(11);
  Append next(12);
  Append elsewhere(13);
  first.to("mail").in_stream("alerts/0", 0, 1);
  again.to("mail").in_stream("alerts/0", 0, 1);
  next.to("mail").in_stream("alerts/0", 1, 2);
  elsewhere.to("mail").in_stream("alerts/1", 0, 1);
  EXPECT_APPLIED(store().apply(first, again, next, elsewhere));
  EXPECT_EQ(first.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
  EXPECT_EQ(again.op.outcome, std::uint32_t{TOCSIN_APPEND_SKIPPED});
  EXPECT_EQ(next.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
  EXPECT_EQ(elsewhere.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});

  ASSERT_EQ(reopen().status, std::uint32_t{TOCSIN_OK});
  Append replayed(14);
  Append ahead(15);
  replayed.to("mail").in_stream("alerts/0", 1, 2);
  ahead.to("mail").in_stream("alerts/0", 5, 6);
  EXPECT_APPLIED(store().apply(replayed, ahead));
  EXPECT_EQ(replayed.op.outcome, std::uint32_t{TOCSIN_APPEND_SKIPPED});
  EXPECT_EQ(ahead.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
  EXPECT_TRUE(store().notification(14).notifications.empty());
}

// ---- epochs

TEST_P(StorageBatch, EachOpeningIsANewEpochAndForgetsNoId) {
  Append append(4711);
  append.to("mail");
  EXPECT_APPLIED(store().apply(append));
  const Opened second = reopen();
  EXPECT_GT(second.epoch, epoch_);
  EXPECT_EQ(second.node, 0U);
  EXPECT_GE(second.high_mark, 4711U);
  auto renew = renew_of(9999);
  EXPECT_APPLIED(store().apply(renew));
  const Opened third = reopen();
  EXPECT_GT(third.epoch, second.epoch);
  EXPECT_GE(third.high_mark, 9999U);
  // A mark that goes back is no mark.
  auto lower = renew_of(5000);
  EXPECT_APPLIED(store().apply(lower));
  EXPECT_GE(reopen().high_mark, 9999U);
}

TEST_P(StorageBatch, WhatADeadEpochHeldIsTakenOver) {
  another_dies_after([](StorageUnderTest& other) {
    Append append(10);
    append.from("shop").to("mail").in_class(0).claimed("mail").in_class(1).claimed("mail");
    append.claimed("chat").claimed("push");
    auto sending = settle_of(10, TOCSIN_STATE_SENDING, 2);
    auto delivered = settle_of(10, TOCSIN_STATE_DELIVERED, 4);
    auto renew = renew_of(8888);
    EXPECT_APPLIED(other.apply(append, sending, delivered, renew));
  });
  const Opened opened = store().open(kStart + 5);
  ASSERT_EQ(opened.status, std::uint32_t{TOCSIN_OK}) << opened.fault;
  EXPECT_EQ(opened.taken_over, 3U);
  EXPECT_GE(opened.high_mark, 8888U);
  EXPECT_EQ(opened.node, 0U);
  const Backlogs expected{{"mail", {2, 1}}, {"chat", {1, 0}}};
  EXPECT_EQ(opened.backlog, expected);
  EXPECT_EQ(store().backlog(), expected);
  EXPECT_EQ(store().state_of(10, 1), TOCSIN_STATE_READY);
  EXPECT_EQ(store().state_of(10, 2), TOCSIN_STATE_DEAD);
  EXPECT_EQ(store().notification(10).deliveries.at(2).reason, "ambiguous");
  EXPECT_EQ(store().state_of(10, 4), TOCSIN_STATE_DELIVERED);
  auto urgent = claim_of("mail", 10, kStart + 5, 0);
  EXPECT_APPLIED(store().apply(urgent));
  ASSERT_EQ(urgent.claimed_count, 1U);
  EXPECT_EQ(urgent.claimed[0].ordinal, 1U) << "in the class it had";
}

TEST_P(StorageBatch, ACancelThatADeadEpochWasAskedForIsGranted) {
  another_dies_after([](StorageUnderTest& other) {
    Append append(10);
    append.claimed("mail").claimed("mail");
    auto sending = settle_of(10, TOCSIN_STATE_SENDING, 1);
    auto cancel = cancel_of(10, "");
    EXPECT_APPLIED(other.apply(append, sending, cancel));
  });
  EXPECT_EQ(store().open().taken_over, 2U);
  EXPECT_EQ(store().state_of(10, 0), TOCSIN_STATE_CANCELLED);
  EXPECT_EQ(store().state_of(10, 1), TOCSIN_STATE_CANCELLED);
}

TEST_P(StorageBatch, TheClaimsOfAnEarlierEpochAreNotOurs) {
  Append append(10);
  append.claimed("mail");
  EXPECT_APPLIED(store().apply(append));
  EXPECT_EQ(reopen().taken_over, 1U);
  auto late = settle_of(10, TOCSIN_STATE_DELIVERED);
  EXPECT_APPLIED(store().apply(late));
  EXPECT_EQ(late.changed, 0U);
  EXPECT_EQ(store().state_of(10), TOCSIN_STATE_READY);
}

TEST_P(StorageBatch, ASecondLivingInstanceIsRefused) {
  StorageUnderTest second(GetParam().library, GetParam().settings(folder_));
  const Opened refused = second.open();
  EXPECT_NE(refused.status, std::uint32_t{TOCSIN_OK});
  EXPECT_NE(refused.fault.find("another gateway"), std::string::npos) << refused.fault;
  Append append(10);
  append.to("mail");
  EXPECT_APPLIED(store().apply(append));
  store().close();
  EXPECT_EQ(second.open().status, std::uint32_t{TOCSIN_OK});
}

TEST_P(StorageBatch, OneThatIsAskedToJoinsTheLivingOne) {
  StorageUnderTest second(GetParam().library, GetParam().settings(folder_));
  const Opened joined = second.open(kStart, true);
  ASSERT_EQ(joined.status, std::uint32_t{TOCSIN_OK}) << joined.fault;
  EXPECT_NE(joined.epoch, epoch_);
}

// ---- pages

TEST_P(StorageBatch, DeadLettersComeInPagesNewestFirst) {
  for (std::uint64_t id = 1; id <= 4; ++id) {
    Append append(id);
    append.claimed(id % 2 == 0 ? "mail" : "chat").claimed("mail");
    auto first = settle_of(id, TOCSIN_STATE_DEAD, 0);
    auto second = settle_of(id, TOCSIN_STATE_DEAD, 1);
    EXPECT_APPLIED(store().apply(append, first, second));
  }
  const Page page = store().dead_letters({}, 3);
  ASSERT_EQ(page.deliveries.size(), 3U);
  EXPECT_EQ(page.deliveries[0].id, 4U);
  EXPECT_EQ(page.deliveries[0].ordinal, 1U);
  EXPECT_EQ(page.deliveries[2].id, 3U);
  EXPECT_EQ(page.notifications.size(), 2U);
  const Page rest = store().dead_letters({}, 100, 3, 1);
  ASSERT_EQ(rest.deliveries.size(), 5U);
  EXPECT_EQ(rest.deliveries[0].id, 3U);
  EXPECT_EQ(rest.deliveries[0].ordinal, 0U);
  const Page chat = store().dead_letters("chat");
  ASSERT_EQ(chat.deliveries.size(), 2U);
  EXPECT_EQ(chat.deliveries[0].id, 3U);
  EXPECT_EQ(store().dead_letters("mail", 100, 4, 1).deliveries.size(), 5U);
  EXPECT_TRUE(store().dead_letters("nobody").deliveries.empty());
}

TEST_P(StorageBatch, APageHasAtMostFiveHundredRows) {
  Append append(1);
  std::vector<tocsin_settle> settles;
  std::vector<tocsin_operation*> operations;
  for (std::uint32_t i = 0; i < 600; ++i) {
    append.claimed("mail");
    settles.push_back(settle_of(1, TOCSIN_STATE_DEAD, i));
  }
  operations.push_back(StorageUnderTest::pointer_to(append));
  for (auto& settle : settles) operations.push_back(StorageUnderTest::pointer_to(settle));
  EXPECT_APPLIED(store().apply_all(operations));
  EXPECT_EQ(store().dead_letters({}, 1000).deliveries.size(), 500U);
}

TEST_P(StorageBatch, ExistsNamesWhatIsStored) {
  Append append(10);
  append.to("mail");
  EXPECT_APPLIED(store().apply(append));
  EXPECT_EQ(store().existing({9, 10, 11}), std::vector<std::uint64_t>{10});
  EXPECT_TRUE(store().existing({}).empty());
}

TEST_P(StorageBatch, HealthShowsSizeRoomAndTheOldestThatWaits) {
  Append late(10);
  Append early(11);
  Append claimed(12);
  late.to("mail", TOCSIN_STATE_READY, kStart + 9);
  early.in_class(0).to("chat", TOCSIN_STATE_READY, kStart + 7);
  claimed.to("mail", TOCSIN_STATE_CLAIMED, kStart + 1);
  tocsin_query query{};
  query.size = sizeof query;
  query.kind = TOCSIN_QUERY_HEALTH;
  EXPECT_EQ(store().query(query).health.oldest_ready_ns, 0);
  EXPECT_APPLIED(store().apply(late, early, claimed));
  const tocsin_store_health health = store().query(query).health;
  EXPECT_EQ(health.oldest_ready_ns, kStart + 7);
  EXPECT_GT(health.size_bytes, 0U);
  EXPECT_GT(health.free_disk_bytes, 0U);
}

TEST_P(StorageBatch, PagesAreReadWhileBatchesAreApplied) {
  constexpr std::uint64_t kBatches = 200;
  std::atomic<std::uint64_t> applied{0};
  std::atomic<int> faults{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (applied < kBatches) {
        // What was acknowledged before the question is in the answer.
        const std::uint64_t known = applied;
        if (known != 0 && store().existing({known}).empty()) ++faults;
        if (known != 0 && store().notification(known).deliveries.size() != 2) ++faults;
        if (store().dead_letters("mail", 10).status != TOCSIN_OK) ++faults;
        if (store().backlog()["chat"].ready < known) ++faults;
      }
    });
  }
  for (std::uint64_t id = 1; id <= kBatches; ++id) {
    Append append(id);
    append.claimed("mail").to("chat");
    auto dead = settle_of(id, TOCSIN_STATE_DEAD);
    EXPECT_APPLIED(store().apply(append, dead));
    applied = id;
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(faults, 0);
}

TEST_P(StorageBatch, AClosedStoreSaysSo) {
  store().close();
  EXPECT_EQ(store().notification(10).status, std::uint32_t{TOCSIN_UNAVAILABLE});
  Append append(10);
  append.to("mail");
  const Applied applied = store().apply(append);
  EXPECT_EQ(applied.outcome, std::uint32_t{TOCSIN_APPLY_FAILED});
  EXPECT_EQ(applied.code, std::uint32_t{TOCSIN_UNAVAILABLE});
}

// ---- history

TEST_P(StorageBatch, APurgeTakesOldHistoryAndLeavesTheRest) {
  const auto make_one = [&](std::uint64_t id, std::uint32_t state, std::int64_t settled_at_ns) {
    Append append(id);
    append.at(kStart).claimed("mail").claimed("mail");
    auto first = settle_of(id, state, 0, settled_at_ns);
    auto second = settle_of(id, TOCSIN_STATE_DELIVERED, 1, settled_at_ns);
    EXPECT_APPLIED(store().apply(append, first, second));
  };
  make_one(1, TOCSIN_STATE_DELIVERED, kStart + 10);
  make_one(2, TOCSIN_STATE_READY, kStart + 10);
  make_one(3, TOCSIN_STATE_DEAD, kStart + 10);
  make_one(4, TOCSIN_STATE_DEAD, kStart + 10);
  make_one(5, TOCSIN_STATE_CANCELLED, kStart + 10);
  make_one(6, TOCSIN_STATE_DELIVERED, kStart + 20);
  make_one(7, TOCSIN_STATE_SENDING, kStart + 10);
  auto discard = review_of(4, TOCSIN_DISCARD);
  discard.at_ns = kStart + 11;
  EXPECT_APPLIED(store().apply(discard));

  auto purge = purge_of(kStart + 20, kStart + 20);
  EXPECT_APPLIED(store().apply(purge));
  EXPECT_EQ(purge.deleted, 9U);
  EXPECT_EQ(purge.more, 0U);
  EXPECT_EQ(store().existing({1, 2, 3, 4, 5, 6, 7}), (std::vector<std::uint64_t>{2, 3, 6, 7}));
}

TEST_P(StorageBatch, APurgeGoesOnInSmallSteps) {
  for (std::uint64_t id = 1; id <= 100; ++id) {
    Append append(id);
    append.claimed("mail");
    auto settle = settle_of(id, TOCSIN_STATE_DELIVERED, 0, kStart);
    EXPECT_APPLIED(store().apply(append, settle));
  }
  std::uint32_t deleted = 0;
  int steps = 0;
  for (bool more = true; more; ++steps) {
    ASSERT_LT(steps, 100);
    auto purge = purge_of(kStart + 1, kStart + 1, 10);
    EXPECT_APPLIED(store().apply(purge));
    EXPECT_LE(purge.deleted, 11U);
    deleted += purge.deleted;
    more = purge.more != 0;
  }
  EXPECT_EQ(deleted, 200U);
  EXPECT_GE(steps, 20);
  EXPECT_TRUE(store().existing({1, 50, 100}).empty());
}

TEST_P(StorageBatch, AStoreThatHoldsTooMuchGivesItsOldestHistoryFirst) {
  constexpr std::uint64_t kSizeMax = 2 << 20;
  const std::string payload(4096, 'p');
  const auto settled = [&](std::uint64_t from, std::uint64_t to, std::uint32_t state) {
    for (std::uint64_t id = from; id < to; ++id) {
      Append append(id, payload);
      append.claimed("mail");
      auto settle = settle_of(id, state, 0, kStart);
      EXPECT_APPLIED(store().apply(append, settle));
    }
  };
  settled(1, 20, TOCSIN_STATE_DEAD);
  settled(20, 40, TOCSIN_STATE_READY);
  settled(40, 1'000, TOCSIN_STATE_DELIVERED);

  bool over = true;
  for (int steps = 0; over; ++steps) {
    ASSERT_LT(steps, 200) << "it never ends";
    auto purge = purge_of(kStart, kStart, 10, kSizeMax);
    EXPECT_APPLIED(store().apply(purge));
    EXPECT_LE(purge.deleted, 11U);
    over = purge.oversize != 0;
    EXPECT_TRUE(!over || purge.more != 0) << "there is history left";
    EXPECT_TRUE(over || purge.deleted == 0) << "the rest is young enough";
  }
  std::vector<std::uint64_t> kept;
  for (std::uint64_t id = 1; id < 40; ++id) kept.push_back(id);
  EXPECT_EQ(store().existing(kept), kept) << "dead letters, and what waits";
  EXPECT_TRUE(store().existing({40, 41, 300}).empty()) << "the oldest";
  EXPECT_EQ(store().existing({950, 999}).size(), 2U) << "as much as there is room for";
}

TEST_P(StorageBatch, APurgeOfWhatMayNotGoEnds) {
  const std::string payload(4096, 'p');
  for (std::uint64_t id = 1; id <= 50; ++id) {
    Append append(id, payload);
    append.to("mail");
    EXPECT_APPLIED(store().apply(append));
  }
  int steps = 0;
  for (bool more = true; more; ++steps) {
    ASSERT_LT(steps, 100);
    auto purge = purge_of(kStart + 1, kStart + 1, 10, 1);
    EXPECT_APPLIED(store().apply(purge));
    EXPECT_EQ(purge.oversize, 1U);
    EXPECT_EQ(purge.deleted, 0U);
    more = purge.more != 0;
  }
}

TEST_P(StorageBatch, CountsAgreeWithTheRowsAfterEverything) {
  Append append(1);
  for (int i = 0; i < 8; ++i) append.to("mail");
  auto claim = claim_of("mail", 5);
  auto back = settle_of(1, TOCSIN_STATE_READY, 0);
  auto dead = settle_of(1, TOCSIN_STATE_DEAD, 1);
  auto dead_too = settle_of(1, TOCSIN_STATE_DEAD, 2);
  auto done = settle_of(1, TOCSIN_STATE_DELIVERED, 3);
  auto redrive = review_of(1, TOCSIN_REDRIVE, 1);
  EXPECT_APPLIED(store().apply(append, claim, back, dead, dead_too, done, redrive));
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{5, 1}));
  // One claimed row comes back with the epoch; opening counts the rows themselves.
  EXPECT_EQ(reopen().backlog.at("mail"), (Backlog{6, 1}));
}

}  // namespace

}  // namespace tocsin::conformance
