// Lines: of an ordered output's deliveries with one key only the first may be claimed.
#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {
namespace {

class StorageOrder : public StorageTest {
 protected:
  void append(std::uint64_t id, std::string_view key = "k", std::int64_t next_at = kStart) {
    Append one(id);
    one.grouped(key).to("mail", TOCSIN_STATE_READY, next_at).ordered();
    EXPECT_APPLIED(store().apply(one));
  }
  std::vector<std::uint64_t> claim(std::int64_t now = kStart, std::string_view output = "mail") {
    auto op = claim_of(output, 100, now);
    EXPECT_APPLIED(store().apply(op));
    std::vector<std::uint64_t> ids;
    for (std::uint32_t i = 0; i < op.claimed_count; ++i) {
      ids.push_back(op.claimed[i].notification_id);
      in_line_[op.claimed[i].notification_id] = op.claimed[i].in_line;
    }
    return ids;
  }
  /// As a lane does: with what the claim said of the line.
  tocsin_settle settle(std::uint64_t id, std::uint32_t state, std::int64_t next_at = kStart) {
    auto op = settle_of(id, state);
    op.next_at_ns = next_at;
    op.in_line = in_line_[id];
    EXPECT_APPLIED(store().apply(op));
    return op;
  }
  using Ids = std::vector<std::uint64_t>;
  std::map<std::uint64_t, std::uint32_t> in_line_;
};

INSTANTIATE_TEST_SUITE_P(All, StorageOrder, testing::ValuesIn(storages()),
                         [](const auto& one) { return one.param.name; });

TEST_P(StorageOrder, OnlyTheFirstOfAKeyIsClaimedUntilItIsOver) {
  for (std::uint64_t id = 1; id <= 3; ++id) append(id, "a");
  append(4, "b");
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{4, 0}));
  EXPECT_EQ(claim(), (Ids{1, 4}));
  EXPECT_EQ(claim(), Ids{});
  EXPECT_EQ(settle(1, TOCSIN_STATE_DELIVERED).freed, 1U);
  EXPECT_EQ(claim(), Ids{2});
  EXPECT_EQ(settle(2, TOCSIN_STATE_DEAD).freed, 1U);
  EXPECT_EQ(claim(), Ids{3});
  EXPECT_EQ(settle(3, TOCSIN_STATE_DELIVERED).freed, 0U);
  EXPECT_EQ(settle(4, TOCSIN_STATE_FELL_BACK).freed, 0U);
  append(5, "a");
  EXPECT_EQ(claim(), Ids{5});
}

TEST_P(StorageOrder, ARetryKeepsItsPlaceAndItsFollowersBehind) {
  append(1);
  append(2);
  EXPECT_EQ(claim(), Ids{1});
  EXPECT_EQ(settle(1, TOCSIN_STATE_READY, kStart + 60 * kSecond).freed, 0U);
  EXPECT_EQ(claim(kStart + 30 * kSecond), Ids{});
  EXPECT_EQ(claim(kStart + 60 * kSecond), Ids{1});
  settle(1, TOCSIN_STATE_SENDING);
  EXPECT_EQ(claim(kStart + 60 * kSecond), Ids{});
  settle(1, TOCSIN_STATE_DELIVERED);
  EXPECT_EQ(claim(kStart + 60 * kSecond), Ids{2});
}

TEST_P(StorageOrder, WhatHasNoKeyOrIsNotOrderedWaitsForNobody) {
  for (std::uint64_t id = 1; id <= 2; ++id) append(id, "");
  for (std::uint64_t id = 3; id <= 4; ++id) {
    Append one(id);
    one.grouped("k").to("mail");
    EXPECT_APPLIED(store().apply(one));
  }
  EXPECT_EQ(claim(), (Ids{1, 2, 3, 4}));
}

TEST_P(StorageOrder, TheSameKeyOfAnotherOutputIsAnotherLine) {
  for (std::uint64_t id = 1; id <= 2; ++id) {
    Append one(id);
    one.grouped("k").to("mail").ordered();
    one.to("chat").ordered();
    EXPECT_APPLIED(store().apply(one));
  }
  EXPECT_EQ(claim(), Ids{1});
  EXPECT_EQ(claim(kStart, "chat"), Ids{1});
  settle(1, TOCSIN_STATE_DELIVERED);
  EXPECT_EQ(claim(), Ids{2});
  EXPECT_EQ(claim(kStart, "chat"), Ids{});
}

TEST_P(StorageOrder, WhatIsScheduledJoinsWhenItIsDue) {
  Append later(1);
  later.grouped("k").to("mail", TOCSIN_STATE_READY, kStart + 10 * kSecond);
  later.ordered(TOCSIN_ORDER_WHEN_DUE);
  EXPECT_APPLIED(store().apply(later));
  append(2);
  append(3, "k", kStart + 20 * kSecond);  // written when it was due
  EXPECT_EQ(claim(), Ids{2}) << "the later one blocks nobody yet";
  EXPECT_EQ(claim(kStart + 20 * kSecond), Ids{}) << "it is behind the one under way";
  settle(2, TOCSIN_STATE_DELIVERED);
  EXPECT_EQ(claim(kStart + 20 * kSecond), Ids{1}) << "it was due before the third";
  settle(1, TOCSIN_STATE_DELIVERED);
  EXPECT_EQ(claim(kStart + 20 * kSecond), Ids{3});
}

TEST_P(StorageOrder, CancellingTheFirstLetsTheNextOneGo) {
  for (std::uint64_t id = 1; id <= 4; ++id) append(id);
  auto behind = cancel_of(2, "");
  auto first = cancel_of(1, "");
  EXPECT_APPLIED(store().apply(behind, first));
  EXPECT_EQ(claim(), Ids{3});
  auto under_way = cancel_of(3, "");
  EXPECT_APPLIED(store().apply(under_way));
  EXPECT_EQ(settle(3, TOCSIN_STATE_READY).freed, 1U);
  EXPECT_EQ(claim(), Ids{4});
}

TEST_P(StorageOrder, SupersedingLeavesTheNewestFirstInLine) {
  for (std::uint64_t id = 1; id <= 5; ++id) append(id);
  auto supersede = supersede_of(5, "", "k");
  EXPECT_APPLIED(store().apply(supersede));
  EXPECT_EQ(supersede.cancelled, 4U);
  EXPECT_EQ(claim(), Ids{5});
}

TEST_P(StorageOrder, WhatIsRescheduledLeavesItsPlace) {
  for (std::uint64_t id = 1; id <= 3; ++id) append(id);
  auto first = reschedule_of(1, "", kStart + 60 * kSecond);
  EXPECT_APPLIED(store().apply(first));
  EXPECT_EQ(claim(), Ids{2});
  EXPECT_EQ(claim(kStart + 60 * kSecond), Ids{}) << "it is due, and joins behind";
  settle(2, TOCSIN_STATE_DELIVERED);
  EXPECT_EQ(claim(kStart + 60 * kSecond), Ids{3});
  settle(3, TOCSIN_STATE_DELIVERED);
  EXPECT_EQ(claim(kStart + 60 * kSecond), Ids{1});
}

TEST_P(StorageOrder, WhatIsRedrivenIsOutsideItsLine) {
  for (std::uint64_t id = 1; id <= 2; ++id) append(id);
  claim();
  settle(1, TOCSIN_STATE_DEAD);
  auto redrive = review_of(1, TOCSIN_REDRIVE);
  EXPECT_APPLIED(store().apply(redrive));
  EXPECT_EQ(claim(), (Ids{1, 2})) << "neither waits for the other";
  EXPECT_EQ(in_line_[1], 0U);
}

TEST_P(StorageOrder, ADeadProcessHoldsNobodyUp) {
  another_dies_after([&](StorageUnderTest& other) {
    for (std::uint64_t id = 1; id <= 6; ++id) {
      Append one(id);
      one.grouped(id <= 3 ? "a" : "b").to("mail").ordered();
      other.apply(one);
    }
    auto claims = claim_of("mail", 10);
    other.apply(claims);
    auto sending = settle_of(1, TOCSIN_STATE_SENDING);
    sending.in_line = 1;
    other.apply(sending);
  });
  ASSERT_EQ(store().open().status, std::uint32_t{TOCSIN_OK});
  EXPECT_EQ(store().state_of(1), TOCSIN_STATE_DEAD) << "ambiguous";
  EXPECT_EQ(claim(), (Ids{2, 4})) << "the next of the one, and the first of the other again";
}

TEST_P(StorageOrder, ALineMovesToAnotherOutputWhole) {
  for (std::uint64_t id = 1; id <= 5; ++id) append(id);
  std::uint32_t moved = 0;
  for (bool more = true; more;) {
    auto move = move_of("mail", "chat", 2);
    EXPECT_APPLIED(store().apply(move));
    moved += move.moved;
    more = move.more != 0;
  }
  EXPECT_EQ(moved, 5U);
  EXPECT_EQ(claim(kStart, "chat"), (Ids{1, 2, 3, 4, 5}));
}

TEST_P(StorageOrder, ItOutlivesARestart) {
  for (std::uint64_t id = 1; id <= 3; ++id) append(id);
  claim();
  reopen();
  EXPECT_EQ(claim(), Ids{1});
  settle(1, TOCSIN_STATE_DELIVERED);
  reopen();
  EXPECT_EQ(claim(), Ids{2});
}

}  // namespace
}  // namespace tocsin::conformance
