// What a storage does with deliveries that wait for their time: another time, or none any more.
#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {
namespace {

class StorageTime : public StorageTest {
 protected:
  static std::vector<std::uint64_t> in_flight(const tocsin_supersede& op) {
    return {op.in_flight_ids, op.in_flight_ids + op.in_flight_count};
  }
};

TEST_P(StorageTime, WhatIsScheduledIsClaimedWhenItIsDueAndNotBefore) {
  constexpr std::uint64_t kRows = 2000;
  std::vector<Append> appends;
  for (std::uint64_t id = 1; id <= kRows; ++id) {
    // The later it was accepted, the earlier it is due.
    const auto due = static_cast<std::int64_t>(kRows + 1 - id);
    appends.emplace_back(id).to("mail", TOCSIN_STATE_READY, kStart + due * kSecond);
  }
  std::vector<tocsin_operation*> batch;
  for (Append& append : appends) batch.push_back(StorageUnderTest::pointer_to(append));
  EXPECT_APPLIED(store().apply_all(batch));

  const Opened opened = reopen();
  EXPECT_EQ(opened.taken_over, 0U);
  EXPECT_EQ(opened.backlog.at("mail"), (Backlog{kRows, 0}));
  auto early = claim_of("mail", 10, kStart);
  auto later = claim_of("mail", 10, kStart + 3 * kSecond);
  EXPECT_APPLIED(store().apply(early, later));
  EXPECT_EQ(early.claimed_count, 0U);
  EXPECT_EQ(early.next_due_ns, kStart + kSecond);
  ASSERT_EQ(later.claimed_count, 3U);
  EXPECT_EQ(later.claimed[0].notification_id, kRows);
  EXPECT_EQ(later.claimed[2].notification_id, kRows - 2);
  EXPECT_EQ(later.next_due_ns, kStart + 4 * kSecond);
}

TEST_P(StorageTime, ANewerNotificationSupersedesWhatWasNotSent) {
  Append waits(10);
  waits.grouped("order-1").from("shop").to("mail").to("chat", TOCSIN_STATE_READY, kStart + kSecond);
  Append under_way(11);
  under_way.grouped("order-1").from("shop").claimed("mail").claimed("chat").to("sms");
  Append arrived(12);
  arrived.grouped("order-1").from("shop").claimed("mail");
  auto done = settle_of(12, TOCSIN_STATE_DELIVERED);
  Append newer(13);
  newer.grouped("order-1").from("shop").to("mail");
  auto supersede = supersede_of(13, "shop", "order-1");
  EXPECT_APPLIED(store().apply(waits, under_way, arrived, done, newer, supersede));
  EXPECT_EQ(supersede.cancelled, 3U);
  EXPECT_EQ(supersede.more, 0U);
  EXPECT_EQ(in_flight(supersede), (std::vector<std::uint64_t>{11}));
  EXPECT_EQ(store().state_of(10, 0), TOCSIN_STATE_CANCELLED);
  EXPECT_EQ(store().notification(10).deliveries.at(0).reason, "superseded");
  EXPECT_EQ(store().state_of(10, 1), TOCSIN_STATE_CANCELLED);
  EXPECT_EQ(store().state_of(11, 0), TOCSIN_STATE_CLAIMED);
  EXPECT_TRUE(store().notification(11).deliveries.at(0).cancel_requested);
  EXPECT_EQ(store().state_of(11, 2), TOCSIN_STATE_CANCELLED);
  EXPECT_EQ(store().state_of(12), TOCSIN_STATE_DELIVERED);
  EXPECT_EQ(store().state_of(13), TOCSIN_STATE_READY);
  const Backlogs backlog = store().backlog();
  EXPECT_EQ(backlog.at("mail"), (Backlog{1, 0}));
  EXPECT_EQ(backlog.count("chat"), 0U);

  auto again = supersede_of(13, "shop", "order-1");
  auto retry = settle_of(11, TOCSIN_STATE_READY);
  EXPECT_APPLIED(store().apply(again, retry));
  EXPECT_EQ(again.cancelled + again.in_flight_count, 0U) << "nobody is asked twice";
  EXPECT_EQ(retry.cancelled, 1U);
}

TEST_P(StorageTime, OthersKeepWhatIsTheirs) {
  Append of_another(10);
  of_another.grouped("k").from("bank").to("mail");
  Append with_another_key(11);
  with_another_key.grouped("k2").from("shop").to("mail");
  Append without_key(12);
  without_key.from("shop").to("mail");
  Append newer(13);
  newer.grouped("k").from("shop").to("mail");
  Append newest(14);
  newest.grouped("k").from("shop").to("mail");
  auto supersede = supersede_of(13, "shop", "k");
  EXPECT_APPLIED(
      store().apply(of_another, with_another_key, without_key, newer, newest, supersede));
  EXPECT_EQ(supersede.cancelled, 0U);
  for (std::uint64_t id = 10; id <= 14; ++id) EXPECT_EQ(store().state_of(id), TOCSIN_STATE_READY);
}

TEST_P(StorageTime, WhatWasAnsweredOtherwiseSupersedesNothing) {
  Append first(10);
  first.keyed(1, 1, kStart + 100 * kSecond).grouped("k").to("mail");
  Append twin(11);
  twin.keyed(1, 1, kStart + 100 * kSecond).grouped("k").to("mail");
  auto supersede = supersede_of(11, "", "k");
  EXPECT_APPLIED(store().apply(first, twin, supersede));
  EXPECT_EQ(twin.op.outcome, std::uint32_t{TOCSIN_APPEND_REPLAYED});
  EXPECT_EQ(supersede.cancelled, 0U);
  EXPECT_EQ(store().state_of(10), TOCSIN_STATE_READY);
}

TEST_P(StorageTime, SupersedingManyGoesInSteps) {
  std::vector<Append> appends;
  std::vector<tocsin_operation*> batch;
  for (std::uint64_t id = 1; id <= 25; ++id) appends.emplace_back(id).grouped("k").to("mail");
  for (Append& append : appends) batch.push_back(StorageUnderTest::pointer_to(append));
  EXPECT_APPLIED(store().apply_all(batch));
  auto first = supersede_of(25, "", "k", 10);
  auto second = supersede_of(25, "", "k", 10);
  auto third = supersede_of(25, "", "k", 10);
  EXPECT_APPLIED(store().apply(first, second, third));
  EXPECT_EQ(first.cancelled, 10U);
  EXPECT_EQ(first.more, 1U);
  EXPECT_EQ(second.more, 1U);
  EXPECT_EQ(third.cancelled, 4U);
  EXPECT_EQ(third.more, 0U);
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{1, 0}));
}

TEST_P(StorageTime, WhatWaitsMayGetAnotherTime) {
  Append append(10);
  append.from("shop").to("mail", TOCSIN_STATE_READY, kStart + 60 * kSecond).claimed("chat");
  append.to("mail", TOCSIN_STATE_READY, kStart + 60 * kSecond).to("log");
  append.claimed("sms");
  auto done = settle_of(10, TOCSIN_STATE_DELIVERED, 4);
  auto foreign = reschedule_of(10, "bank", kStart);
  auto unknown = reschedule_of(11, "shop", kStart);
  auto own = reschedule_of(10, "shop", kStart + 5 * kSecond);
  auto early = claim_of("mail", 10, kStart + 4 * kSecond);
  auto due = claim_of("mail", 10, kStart + 5 * kSecond);
  EXPECT_APPLIED(store().apply(append, done, foreign, unknown, own, early, due));
  EXPECT_EQ(foreign.found + unknown.found, 0U);
  EXPECT_EQ(own.found, 1U);
  EXPECT_EQ(own.rescheduled, 3U);
  EXPECT_EQ(own.in_flight, 1U);
  EXPECT_EQ(own.done, 1U);
  ASSERT_EQ(own.output_count, 2U);
  EXPECT_EQ(early.claimed_count, 0U);
  EXPECT_EQ(due.claimed_count, 2U);

  auto nothing_left = reschedule_of(10, "shop", kStart);
  auto claim = claim_of("log", 1, kStart + 5 * kSecond);
  EXPECT_APPLIED(store().apply(claim, nothing_left));
  EXPECT_EQ(nothing_left.found, 1U);
  EXPECT_EQ(nothing_left.rescheduled, 0U);
  EXPECT_EQ(nothing_left.in_flight, 4U);
}

TEST_P(StorageTime, NothingIsPutBeyondItsExpiry) {
  Append append(10);
  append.expires(kStart + 60 * kSecond).to("mail");
  auto beyond = reschedule_of(10, "", kStart + 60 * kSecond);
  auto within = reschedule_of(10, "", kStart + 59 * kSecond);
  EXPECT_APPLIED(store().apply(append, beyond, within));
  EXPECT_EQ(beyond.expires, 1U);
  EXPECT_EQ(beyond.rescheduled, 0U);
  EXPECT_EQ(within.expires, 0U);
  EXPECT_EQ(within.rescheduled, 1U);
  EXPECT_EQ(store().notification(10).deliveries.at(0).next_at_ns, kStart + 59 * kSecond);
}

TEST_P(StorageTime, ADeadLetterIsSentAgainWhenItsTimeHasCome) {
  const auto dies = [](std::uint64_t id, std::int64_t redrive_at) {
    auto op = settle_of(id, TOCSIN_STATE_DEAD);
    op.attempts = 3;
    op.redrive_at_ns = redrive_at;
    return op;
  };
  Append soon(10);
  soon.claimed("mail");
  Append late(11);
  late.claimed("mail");
  Append never(12);
  never.claimed("chat");
  auto soon_dies = dies(10, kStart + 60 * kSecond);
  auto late_dies = dies(11, kStart + 600 * kSecond);
  auto never_dies = dies(12, 0);
  EXPECT_APPLIED(store().apply(soon, late, never, soon_dies, late_dies, never_dies));
  EXPECT_EQ(store().notification(10).deliveries.at(0).redrive_at_ns, kStart + 60 * kSecond);

  auto early = redrive_due_of(kStart + 59 * kSecond);
  auto due = redrive_due_of(kStart + 60 * kSecond);
  auto claim = claim_of("mail", 10, kStart + 60 * kSecond);
  EXPECT_APPLIED(store().apply(early, due, claim));
  EXPECT_EQ(early.redriven, 0U);
  EXPECT_EQ(early.next_due_ns, kStart + 60 * kSecond);
  EXPECT_EQ(due.redriven, 1U);
  EXPECT_EQ(due.next_due_ns, kStart + 600 * kSecond);
  ASSERT_EQ(due.output_count, 1U);
  ASSERT_EQ(claim.claimed_count, 1U);
  EXPECT_EQ(claim.claimed[0].attempts, 0U);
  EXPECT_EQ(claim.claimed[0].redrives, 1U);
  EXPECT_EQ(claim.claimed[0].redriven, 0U) << "it expires as before";
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{0, 1}));

  // It outlives a restart.
  reopen();
  auto rest = redrive_due_of(kStart + 3600 * kSecond);
  EXPECT_APPLIED(store().apply(rest));
  EXPECT_EQ(rest.redriven, 1U);
  EXPECT_EQ(rest.next_due_ns, 0);
  EXPECT_EQ(store().state_of(12), TOCSIN_STATE_DEAD);
}

TEST_P(StorageTime, WhatWaitsOfAnOutputThatRecoveredIsSentAgainBeforeItsTime) {
  Append append(10);
  append.claimed("mail").claimed("mail").claimed("chat").claimed("mail");
  std::vector<tocsin_settle> deaths;
  for (const std::uint32_t ordinal : {0U, 1U, 2U, 3U}) {
    deaths.push_back(settle_of(10, TOCSIN_STATE_DEAD, ordinal));
    deaths.back().redrive_at_ns = kStart + (600 - ordinal) * kSecond;
  }
  deaths[3].redrive_at_ns = 0;  // final
  EXPECT_APPLIED(store().apply(append, deaths[0], deaths[1], deaths[2], deaths[3]));

  auto unknown = redrive_due_of(kStart + kSecond, 10, "nobody");
  auto first = redrive_due_of(kStart + kSecond, 1, "mail");
  EXPECT_APPLIED(store().apply(unknown, first));
  EXPECT_EQ(unknown.redriven, 0U);
  EXPECT_EQ(first.redriven, 1U);
  EXPECT_EQ(store().state_of(10, 1), TOCSIN_STATE_READY) << "the one whose time is nearer";
  auto rest = redrive_due_of(kStart + kSecond, 10, "mail");
  auto claim = claim_of("mail", 10, kStart + kSecond);
  EXPECT_APPLIED(store().apply(rest, claim));
  EXPECT_EQ(rest.redriven, 1U);
  ASSERT_EQ(rest.output_count, 1U);
  EXPECT_EQ(text(rest.outputs[0]), "mail");
  EXPECT_EQ(rest.next_due_ns, kStart + 598 * kSecond) << "the other output's";
  ASSERT_EQ(claim.claimed_count, 2U);
  EXPECT_EQ(claim.claimed[0].redrives, 1U);
  EXPECT_EQ(store().state_of(10, 2), TOCSIN_STATE_DEAD);
  EXPECT_EQ(store().state_of(10, 3), TOCSIN_STATE_DEAD);
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{0, 1}));
}

TEST_P(StorageTime, WhatPeopleDecidedIsNotSentAgainByTheClock) {
  Append append(10);
  append.claimed("mail").claimed("mail");
  auto first = settle_of(10, TOCSIN_STATE_DEAD, 0);
  auto second = settle_of(10, TOCSIN_STATE_DEAD, 1);
  first.redrive_at_ns = second.redrive_at_ns = kStart + kSecond;
  auto discard = review_of(10, TOCSIN_DISCARD, 0);
  auto redrive = review_of(10, TOCSIN_REDRIVE, 1);
  auto due = redrive_due_of(kStart + 2 * kSecond);
  EXPECT_APPLIED(store().apply(append, first, second, discard, redrive, due));
  EXPECT_EQ(due.redriven, 0U);
  EXPECT_EQ(store().state_of(10, 0), TOCSIN_STATE_DEAD);
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{1, 0}));
}

TEST_P(StorageTime, RedrivingManyGoesInSteps) {
  for (std::uint64_t id = 1; id <= 25; ++id) {
    Append append(id);
    append.claimed("mail");
    auto dies = settle_of(id, TOCSIN_STATE_DEAD);
    dies.redrive_at_ns = kStart + static_cast<std::int64_t>(id);
    EXPECT_APPLIED(store().apply(append, dies));
  }
  auto first = redrive_due_of(kStart + kSecond, 10);
  auto second = redrive_due_of(kStart + kSecond, 100);
  EXPECT_APPLIED(store().apply(first, second));
  EXPECT_EQ(first.redriven, 10U);
  EXPECT_EQ(first.next_due_ns, kStart + 11);
  EXPECT_EQ(second.redriven, 15U);
}

TEST_P(StorageTime, AMirrorIsToldApartAndSoIsWhatFollowsIt) {
  const tocsin_new_delivery copy{str("chat"), {}, TOCSIN_STATE_READY, 1, 1, 0, kStart};
  const tocsin_new_delivery next{str("mail"), {}, TOCSIN_STATE_READY, 1, 0, 0, kStart};
  Append append(10);
  append.claimed("sms");
  auto dies = settle_of(10, TOCSIN_STATE_DEAD);
  dies.successor = &copy;
  auto mirror = claim_of("chat", 1);
  auto falls = settle_of(10, TOCSIN_STATE_FELL_BACK, 1);
  falls.successor = &next;
  auto follower = claim_of("mail", 1);
  EXPECT_APPLIED(store().apply(append, dies, mirror, falls, follower));
  ASSERT_EQ(mirror.claimed_count, 1U);
  EXPECT_EQ(mirror.claimed[0].mirror, 1U);
  ASSERT_EQ(follower.claimed_count, 1U);
  EXPECT_EQ(follower.claimed[0].mirror, 1U);
}

INSTANTIATE_TEST_SUITE_P(All, StorageTime, testing::ValuesIn(storages()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace tocsin::conformance
