// Two gateways on one store: what one commits the other goes by, and what the dead leave the living
// take. A storage that cannot be shared has no business in this file; so far all can.
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <set>

#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {

namespace {

constexpr std::int64_t kHour = 3600 * kSecond;

class StorageShared : public StorageTest {
 protected:
  void SetUp() override {
    StorageTest::SetUp();
    other_ = join();
  }
  void TearDown() override {
    other_.reset();
    StorageTest::TearDown();
  }
  std::unique_ptr<StorageUnderTest> join() {
    auto made =
        std::make_unique<StorageUnderTest>(GetParam().library, GetParam().settings(folder_));
    const Opened opened = made->open(kStart, true);
    EXPECT_EQ(opened.status, std::uint32_t{TOCSIN_OK}) << opened.fault;
    node_ = opened.node;
    return made;
  }
  /// Another process joins, does `deeds` and dies without a farewell.
  void a_third_dies_after(const std::function<void(StorageUnderTest&)>& deeds) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto third = join();
      deeds(*third);
      std::_Exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the third process failed";
  }
  /// Appends ids [first, first + count) with their ids as keys; how many came to `outcome`.
  static std::size_t append_keys(StorageUnderTest& store, std::uint64_t first, std::uint64_t step,
                                 std::size_t count, std::uint64_t first_key,
                                 std::uint32_t outcome) {
    std::size_t found = 0;
    for (std::size_t done = 0; done < count;) {
      std::deque<Append> appends;
      std::vector<tocsin_operation*> batch;
      for (; appends.size() < 500 && done < count; ++done) {
        Append& append = appends.emplace_back(first + done * step);
        append.keyed(first_key + done * step, 1, kStart + kHour);
        batch.push_back(StorageUnderTest::pointer_to(append));
      }
      EXPECT_APPLIED(store.apply_all(batch));
      found += static_cast<std::size_t>(std::ranges::count_if(
          appends, [&](const Append& append) { return append.op.outcome == outcome; }));
    }
    return found;
  }
  static std::set<std::uint64_t> claim(StorageUnderTest& store, std::uint32_t limit) {
    auto op = claim_of("mail", limit);
    EXPECT_APPLIED(store.apply(op));
    std::set<std::uint64_t> ids;
    for (std::uint32_t i = 0; i < op.claimed_count; ++i) ids.insert(op.claimed[i].notification_id);
    return ids;
  }

  std::unique_ptr<StorageUnderTest> other_;
  std::uint32_t node_ = 0;
};

INSTANTIATE_TEST_SUITE_P(All, StorageShared, testing::ValuesIn(storages()),
                         testing::PrintToStringParamName());

TEST_P(StorageShared, EachHasANodeOfItsOwn) {
  const std::uint32_t second = node_;
  const auto third = join();
  EXPECT_EQ(second, 1U);
  EXPECT_EQ(node_, 2U);
}

TEST_P(StorageShared, BothAppendAndBothFindIt) {
  for (std::uint64_t id = 10; id < 30; ++id) {
    Append append(id);
    // New outputs come from both, which number them.
    const std::string output = "output-" + std::to_string(id / 2);
    append.to("mail").to(output);
    EXPECT_APPLIED((id % 2 == 0 ? store() : *other_).apply(append));
  }
  Backlogs expected{{"mail", {20, 0}}};
  for (int i = 5; i < 15; ++i) expected["output-" + std::to_string(i)] = {2, 0};
  EXPECT_EQ(store().backlog(), expected);
  EXPECT_EQ(other_->backlog(), expected);
}

TEST_P(StorageShared, ARowIsClaimedByOneOfThem) {
  std::deque<Append> appends;
  std::vector<tocsin_operation*> batch;
  for (std::uint64_t id = 10; id < 110; ++id) {
    batch.push_back(StorageUnderTest::pointer_to(appends.emplace_back(id).to("mail")));
  }
  EXPECT_APPLIED(store().apply_all(batch));
  std::set<std::uint64_t> all;
  for (int turn = 0; turn < 10; ++turn) {
    const auto ids = claim(turn % 2 == 0 ? store() : *other_, 10);
    EXPECT_EQ(ids.size(), 10U);
    all.insert(ids.begin(), ids.end());
  }
  EXPECT_EQ(all.size(), 100U);
  EXPECT_EQ(claim(store(), 10).size() + claim(*other_, 10).size(), 0U);
}

TEST_P(StorageShared, WhatTheOtherOwnsCannotBeSettledOrReleased) {
  Append append(10);
  append.claimed("mail");
  EXPECT_APPLIED(store().apply(append));
  auto settle = settle_of(10, TOCSIN_STATE_DELIVERED);
  auto release = settle_of(10, TOCSIN_STATE_READY);
  EXPECT_APPLIED(other_->apply(settle, release));
  EXPECT_EQ(settle.changed + release.changed, 0U);
  auto owned = owned_of(10);
  EXPECT_APPLIED(other_->apply(owned));
  EXPECT_EQ(owned.owned_count, 0U);
  EXPECT_EQ(store().state_of(10), TOCSIN_STATE_CLAIMED);
  EXPECT_APPLIED(store().apply(settle));
  EXPECT_EQ(settle.changed, 1U);
}

TEST_P(StorageShared, ACancelReachesWhatTheOtherClaimed) {
  Append append(10);
  append.claimed("mail").to("mail").from("shop");
  EXPECT_APPLIED(store().apply(append));
  auto cancel = cancel_of(10, "shop");
  EXPECT_APPLIED(other_->apply(cancel));
  EXPECT_EQ(cancel.in_flight, 1U);
  EXPECT_EQ(cancel.cancelled, 1U);
  auto settle = settle_of(10, TOCSIN_STATE_READY);
  EXPECT_APPLIED(store().apply(settle));
  EXPECT_EQ(settle.cancelled, 1U);
}

// ---- keys

TEST_P(StorageShared, OneKeySentToBothIsOneNotification) {
  Append first(10);
  first.to("mail").keyed(7, 1, kStart + kHour);
  EXPECT_APPLIED(store().apply(first));
  Append second(5);  // ids of two gateways interleave as they like
  second.to("mail").keyed(7, 1, kStart + kHour);
  Append other_body(6);
  other_body.to("mail").keyed(7, 2, kStart + kHour);
  EXPECT_APPLIED(other_->apply(second, other_body));
  EXPECT_EQ(second.op.outcome, std::uint32_t{TOCSIN_APPEND_REPLAYED});
  EXPECT_EQ(second.op.earlier_id, 10U);
  EXPECT_EQ(other_body.op.outcome, std::uint32_t{TOCSIN_APPEND_CONFLICT});
  EXPECT_EQ(store().backlog(), (Backlogs{{"mail", {1, 0}}}));
}

TEST_P(StorageShared, KeysOfBothAreFoundByBothAndByTheNextOnesToo) {
  // Enough for several segments; the other's ids lie far below, as after a step of its clock.
  constexpr std::uint64_t kHigh = 10'000'000;
  constexpr std::size_t kEach = 45'000;
  constexpr std::size_t kStep = 5'000;
  for (std::size_t at = 0; at < kEach; at += kStep) {
    append_keys(store(), kHigh + at, 1, kStep, kHigh + at, TOCSIN_APPEND_COMMITTED);
    append_keys(*other_, 1 + at, 1, kStep, 1 + at, TOCSIN_APPEND_COMMITTED);
  }
  const auto replayed = [&](StorageUnderTest& by, std::uint64_t first_key) {
    return append_keys(by, 20'000'000, 1, kEach, first_key, TOCSIN_APPEND_REPLAYED);
  };
  EXPECT_EQ(replayed(store(), 1), kEach);
  EXPECT_EQ(replayed(*other_, kHigh), kEach);
  const auto third = join();
  EXPECT_EQ(replayed(*third, 1), kEach);
  EXPECT_EQ(replayed(*third, kHigh), kEach);
}

TEST_P(StorageShared, KeysAddedAloneBelowASegmentAreFoundLater) {
  append_keys(store(), 10'000'000, 1, 40'000, 1, TOCSIN_APPEND_COMMITTED);
  other_.reset();
  EXPECT_EQ(append_keys(store(), 50, 1, 100, 100'000, TOCSIN_APPEND_COMMITTED), 100U);
  EXPECT_EQ(reopen().status, std::uint32_t{TOCSIN_OK});
  EXPECT_EQ(append_keys(store(), 20'000'000, 1, 100, 100'000, TOCSIN_APPEND_REPLAYED), 100U);
}

TEST_P(StorageShared, KeysThatOnePurgedAreFreeForBoth) {
  EXPECT_EQ(append_keys(store(), 10, 1, 100, 1, TOCSIN_APPEND_COMMITTED), 100U);
  EXPECT_EQ(append_keys(*other_, 200, 1, 100, 1, TOCSIN_APPEND_REPLAYED), 100U);
  auto purge = purge_of(kStart, kStart + 2 * kHour);
  EXPECT_APPLIED(other_->apply(purge));
  EXPECT_EQ(purge.deleted, 100U);
  EXPECT_EQ(append_keys(store(), 300, 1, 50, 1, TOCSIN_APPEND_COMMITTED), 50U);
  EXPECT_EQ(append_keys(*other_, 400, 1, 50, 51, TOCSIN_APPEND_COMMITTED), 50U);
}

// ---- looks

TEST_P(StorageShared, ALookTellsWhatTheOtherMadeReadyAndTellsItOnce) {
  auto look = look_of();
  EXPECT_APPLIED(store().apply(look));
  EXPECT_EQ(look.others, 1U);
  Append append(10);
  append.to("mail");
  EXPECT_APPLIED(other_->apply(append));
  EXPECT_APPLIED(store().apply(look));
  ASSERT_EQ(look.changed, 1U);
  ASSERT_EQ(look.backlog_count, 1U);
  EXPECT_EQ(text(look.backlog[0].output), "mail");
  EXPECT_EQ(look.backlog[0].ready, 1U);
  EXPECT_APPLIED(store().apply(look));
  EXPECT_EQ(look.changed, 0U);
  Append own(11);
  own.to("mail");
  EXPECT_APPLIED(store().apply(own));
  EXPECT_APPLIED(store().apply(look));
  EXPECT_EQ(look.changed, 0U) << "its own commits are no news";
}

TEST_P(StorageShared, ALookCountsWhatItsOwnBatchDid) {
  Append append(10);
  append.to("mail");
  EXPECT_APPLIED(other_->apply(append));
  auto claim = claim_of("mail", 5);
  auto look = look_of();
  EXPECT_APPLIED(store().apply(claim, look));
  EXPECT_EQ(claim.claimed_count, 1U);
  EXPECT_EQ(look.changed, 1U);
  EXPECT_EQ(look.backlog_count, 0U);
}

TEST_P(StorageShared, ARenewalTellsThatSomebodyJoinedAndALookThatTheyWent) {
  auto renew = renew_of(100);
  EXPECT_APPLIED(store().apply(renew));
  EXPECT_EQ(renew.others, 1U);
  other_.reset();
  EXPECT_APPLIED(store().apply(renew));
  EXPECT_EQ(renew.others, 1U) << "nobody has looked what they left";
  auto look = look_of();
  EXPECT_APPLIED(store().apply(look));
  EXPECT_EQ(look.others, 0U);
  EXPECT_APPLIED(store().apply(renew));
  EXPECT_EQ(renew.others, 0U);
}

TEST_P(StorageShared, WhatADeadOneHadClaimedIsTakenOverByALook) {
  a_third_dies_after([](StorageUnderTest& third) {
    Append claimed(10);
    claimed.claimed("mail").claimed("mail");
    auto sending = settle_of(10, TOCSIN_STATE_SENDING, 1);
    EXPECT_APPLIED(third.apply(claimed, sending));
  });
  Append own(11);
  own.claimed("mail");
  auto look = look_of();
  EXPECT_APPLIED(store().apply(own, look));
  EXPECT_EQ(look.taken_over, 2U);
  EXPECT_EQ(look.others, 1U);
  EXPECT_EQ(look.changed, 1U);
  EXPECT_EQ(store().state_of(10, 0), TOCSIN_STATE_READY);
  EXPECT_EQ(store().state_of(10, 1), TOCSIN_STATE_DEAD) << "ambiguous";
  EXPECT_EQ(store().state_of(11), TOCSIN_STATE_CLAIMED) << "the living one's";
  EXPECT_EQ(store().backlog(), (Backlogs{{"mail", {1, 1}}}));
  EXPECT_APPLIED(other_->apply(look));
  EXPECT_EQ(look.taken_over, 0U) << "taken over once";
  EXPECT_EQ(look.changed, 1U);
}

TEST_P(StorageShared, WhatOneThatWentHadClaimedIsTakenOverByALook) {
  Append append(10);
  append.claimed("mail");
  EXPECT_APPLIED(other_->apply(append));
  other_.reset();
  auto look = look_of();
  EXPECT_APPLIED(store().apply(look));
  EXPECT_EQ(look.taken_over, 1U);
  EXPECT_EQ(look.others, 0U);
  EXPECT_EQ(claim(store(), 5), std::set<std::uint64_t>{10});
}

TEST_P(StorageShared, WhoOpensTakesOverFromTheDeadAndLeavesTheLivingAlone) {
  a_third_dies_after([](StorageUnderTest& third) {
    Append append(10);
    append.claimed("mail");
    EXPECT_APPLIED(third.apply(append));
  });
  Append own(11);
  own.claimed("mail");
  EXPECT_APPLIED(store().apply(own));
  StorageUnderTest fourth(GetParam().library, GetParam().settings(folder_));
  EXPECT_EQ(fourth.open(kStart, true).taken_over, 1U);
  EXPECT_EQ(fourth.state_of(10), TOCSIN_STATE_READY);
  EXPECT_EQ(fourth.state_of(11), TOCSIN_STATE_CLAIMED);
}

TEST_P(StorageShared, BothPurgeWithoutHarm) {
  for (std::uint64_t id = 10; id < 50; ++id) {
    Append append(id);
    append.claimed("mail").keyed(id, 1, kStart + 1);
    auto settle = settle_of(id, TOCSIN_STATE_DELIVERED);
    EXPECT_APPLIED((id % 2 == 0 ? store() : *other_).apply(append, settle));
  }
  std::uint32_t deleted = 0;
  for (int turn = 0; turn < 4; ++turn) {
    auto purge = purge_of(kStart + kHour, kStart + kHour);
    EXPECT_APPLIED((turn % 2 == 0 ? store() : *other_).apply(purge));
    deleted += purge.deleted;
  }
  EXPECT_EQ(deleted, 120U);
}

}  // namespace

}  // namespace tocsin::conformance
