// The life of one delivery: append, claim, settle, cancel, review, and the transition table.
#include <array>

#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {

namespace {

class StorageDelivery : public StorageTest {
 protected:
  /// Brings delivery (id, 0) of output "mail" into a state the shortest way.
  void put_into(std::uint32_t state, std::uint64_t id) {
    Append append(id);
    append.to("mail", state == TOCSIN_STATE_READY ? TOCSIN_STATE_READY : TOCSIN_STATE_CLAIMED);
    EXPECT_APPLIED(store().apply(append));
    if (state == TOCSIN_STATE_READY || state == TOCSIN_STATE_CLAIMED) return;
    auto settle = settle_of(id, state);
    EXPECT_APPLIED(store().apply(settle));
    EXPECT_EQ(settle.changed, 1U);
  }
};

INSTANTIATE_TEST_SUITE_P(All, StorageDelivery, testing::ValuesIn(storages()),
                         [](const auto& kind) { return kind.param.name; });

TEST_P(StorageDelivery, AnAppendIsStoredWithItsRowsInOrder) {
  Append append(10, "payload");
  append.from("shop").level(TOCSIN_LEVEL_ERROR).at(kStart + 5);
  append.to("mail", TOCSIN_STATE_READY, kStart + 7, "email:a@b.example").claimed("chat");
  EXPECT_APPLIED(store().apply(append));
  EXPECT_EQ(append.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});

  const Page page = store().notification(10);
  ASSERT_EQ(page.notifications.size(), 1U);
  EXPECT_EQ(page.notifications[0].payload, "payload");
  EXPECT_EQ(page.notifications[0].caller, "shop");
  EXPECT_EQ(page.notifications[0].input, "api");
  EXPECT_EQ(page.notifications[0].accepted_at_ns, kStart + 5);
  ASSERT_EQ(page.deliveries.size(), 2U);
  EXPECT_EQ(page.deliveries[0].output, "mail");
  EXPECT_EQ(page.deliveries[0].address, "email:a@b.example");
  EXPECT_EQ(page.deliveries[0].state, std::uint32_t{TOCSIN_STATE_READY});
  EXPECT_EQ(page.deliveries[0].next_at_ns, kStart + 7);
  EXPECT_EQ(page.deliveries[1].ordinal, 1U);
  EXPECT_EQ(page.deliveries[1].output, "chat");
  EXPECT_EQ(page.deliveries[1].state, std::uint32_t{TOCSIN_STATE_CLAIMED});
}

TEST_P(StorageDelivery, TheOldestThatWaitsIsToldOfEachOutput) {
  const auto add = [&](std::uint64_t id, const char* output, std::int64_t next_at,
                       std::uint32_t queue) {
    Append append(id);
    append.in_class(queue).to(output, TOCSIN_STATE_READY, next_at);
    EXPECT_APPLIED(store().apply(append));
  };
  add(10, "mail", kStart + 9, 1);
  add(11, "mail", kStart + 5, 1);
  add(12, "mail", kStart + 7, 0);
  add(13, "chat", kStart + 8, 0);
  Append claimed(14);
  claimed.claimed("sms");
  EXPECT_APPLIED(store().apply(claimed));
  auto oldest = store().backlog_page().oldest_ready_ns;
  EXPECT_EQ(oldest["mail"], kStart + 5);
  EXPECT_EQ(oldest["chat"], kStart + 8);
  EXPECT_EQ(oldest["sms"], 0);
}

TEST_P(StorageDelivery, AThousandRowsOfOneAppendAreKept) {
  Append append(10);
  for (int i = 0; i < 1000; ++i) append.to("mail");
  EXPECT_APPLIED(store().apply(append));
  EXPECT_EQ(store().notification(10).deliveries.size(), 1000U);
  EXPECT_EQ(store().backlog().at("mail").ready, 1000U);
}

TEST_P(StorageDelivery, TextsMayBeEmptyLargeAndHoldAnyByte) {
  std::string large(std::size_t{1} << 20, 'x');
  large[1000] = '\0';
  Append append(10, large);
  append.to("mail").to("");
  EXPECT_APPLIED(store().apply(append));
  const Page page = store().notification(10);
  EXPECT_EQ(page.notifications.at(0).payload, large);
  EXPECT_EQ(page.deliveries.at(1).output, "");
  auto claim = claim_of("mail", 1);
  EXPECT_APPLIED(store().apply(claim));
  ASSERT_EQ(claim.claimed_count, 1U);
  EXPECT_EQ(text(claim.claimed[0].payload), large);
}

TEST_P(StorageDelivery, TheSameAppendTwiceIsStoredOnce) {
  Append append(10);
  append.to("mail");
  EXPECT_APPLIED(store().apply(append));
  EXPECT_APPLIED(store().apply(append));
  EXPECT_EQ(append.op.outcome, std::uint32_t{TOCSIN_APPEND_COMMITTED});
  EXPECT_EQ(store().notification(10).deliveries.size(), 1U);
  EXPECT_EQ(store().backlog().at("mail").ready, 1U);
}

TEST_P(StorageDelivery, ClaimsComeInTheOrderOfTheirTimeThenId) {
  Append late(11);
  Append first(12);
  Append second(13);
  late.to("mail", TOCSIN_STATE_READY, kStart + 2);
  first.to("mail", TOCSIN_STATE_READY, kStart + 1).to("mail", TOCSIN_STATE_READY, kStart + 1);
  second.to("mail", TOCSIN_STATE_READY, kStart + 1);
  EXPECT_APPLIED(store().apply(late, first, second));
  auto claim = claim_of("mail", 10, kStart + 2);
  EXPECT_APPLIED(store().apply(claim));
  ASSERT_EQ(claim.claimed_count, 4U);
  std::vector<std::pair<std::uint64_t, std::uint32_t>> order;
  for (std::uint32_t i = 0; i < 4; ++i) {
    order.emplace_back(claim.claimed[i].notification_id, claim.claimed[i].ordinal);
  }
  const std::vector<std::pair<std::uint64_t, std::uint32_t>> expected{
      {12, 0}, {12, 1}, {13, 0}, {11, 0}};
  EXPECT_EQ(order, expected);
  EXPECT_EQ(claim.next_due_ns, 0);
}

TEST_P(StorageDelivery, AClaimTakesWhatIsDueOfItsOutputAndClassOnly) {
  Append other(11);
  Append critical(12);
  Append due(13);
  Append later(14);
  other.to("chat");
  critical.in_class(0).to("mail");
  due.to("mail");
  later.to("mail", TOCSIN_STATE_READY, kStart + 1);
  EXPECT_APPLIED(store().apply(other, critical, due, later));

  auto normal = claim_of("mail", 10, kStart, 1);
  auto urgent = claim_of("mail", 10, kStart, 0);
  auto unknown = claim_of("nobody", 10);
  EXPECT_APPLIED(store().apply(normal, urgent, unknown));
  ASSERT_EQ(normal.claimed_count, 1U);
  EXPECT_EQ(normal.claimed[0].notification_id, 13U);
  EXPECT_EQ(normal.next_due_ns, kStart + 1);
  ASSERT_EQ(urgent.claimed_count, 1U);
  EXPECT_EQ(urgent.claimed[0].notification_id, 12U);
  EXPECT_EQ(unknown.claimed_count, 0U);
  EXPECT_EQ(store().state_of(13), TOCSIN_STATE_CLAIMED);
  EXPECT_EQ(store().state_of(14), TOCSIN_STATE_READY);
}

TEST_P(StorageDelivery, DeliveriesOfOneNotificationHaveClassesOfTheirOwnAndKeepThem) {
  Append append(10);
  append.level(TOCSIN_LEVEL_CRITICAL).to("mail").in_class(0).to("mail").claimed("mail");
  auto later = settle_of(10, TOCSIN_STATE_READY, 2);
  later.next_at_ns = kStart;
  EXPECT_APPLIED(store().apply(append, later));
  auto urgent = claim_of("mail", 10, kStart, 0);
  auto normal = claim_of("mail", 10, kStart, 1);
  EXPECT_APPLIED(store().apply(urgent, normal));
  ASSERT_EQ(urgent.claimed_count, 2U);
  EXPECT_EQ(urgent.claimed[0].ordinal, 1U);
  EXPECT_EQ(urgent.claimed[1].ordinal, 2U) << "also when it was put off";
  ASSERT_EQ(normal.claimed_count, 1U) << "whatever the notification's level";
  EXPECT_EQ(normal.claimed[0].ordinal, 0U);

  auto dead = settle_of(10, TOCSIN_STATE_DEAD, 1);
  auto redrive = review_of(10, TOCSIN_REDRIVE, 1);
  auto again = claim_of("mail", 10, kStart, 0);
  EXPECT_APPLIED(store().apply(dead, redrive, again));
  ASSERT_EQ(again.claimed_count, 1U) << "also when it is sent again";
  EXPECT_EQ(again.claimed[0].ordinal, 1U);
}

TEST_P(StorageDelivery, AClaimEndsAtItsLimitAndSaysWhatIsLeft) {
  for (std::uint64_t id = 1; id <= 5; ++id) {
    Append append(id);
    append.to("mail", TOCSIN_STATE_READY, kStart - 10 + static_cast<std::int64_t>(id));
    EXPECT_APPLIED(store().apply(append));
  }
  auto claim = claim_of("mail", 3);
  EXPECT_APPLIED(store().apply(claim));
  EXPECT_EQ(claim.claimed_count, 3U);
  EXPECT_EQ(claim.next_due_ns, kStart - 6);
  auto nothing = claim_of("mail", 0);
  EXPECT_APPLIED(store().apply(nothing));
  EXPECT_EQ(nothing.claimed_count, 0U);
  EXPECT_EQ(nothing.next_due_ns, kStart - 6);
}

TEST_P(StorageDelivery, AClaimSeesWhatTheSameBatchAppended) {
  Append append(10);
  append.to("mail");
  auto claim = claim_of("mail", 10);
  EXPECT_APPLIED(store().apply(append, claim));
  EXPECT_EQ(claim.claimed_count, 1U);
}

TEST_P(StorageDelivery, AClaimedRowCarriesAllThatAnAttemptNeeds) {
  Append append(10, "payload");
  append.at(kStart - 5).to("mail", TOCSIN_STATE_READY, kStart - 4, "email:a@b.example");
  append.op.expires_at_ns = kStart + 99;
  auto claim = claim_of("mail", 1);
  EXPECT_APPLIED(store().apply(append, claim));
  ASSERT_EQ(claim.claimed_count, 1U);
  EXPECT_EQ(claim.claimed_stride, sizeof(tocsin_claimed_delivery));
  const tocsin_claimed_delivery& row = claim.claimed[0];
  EXPECT_EQ(text(row.payload), "payload");
  EXPECT_EQ(text(row.address), "email:a@b.example");
  EXPECT_EQ(row.next_at_ns, kStart - 4);
  EXPECT_EQ(row.accepted_at_ns, kStart - 5);
  EXPECT_EQ(row.expires_at_ns, kStart + 99);
  EXPECT_EQ(row.attempts, 0U);
}

TEST_P(StorageDelivery, ARescheduledRowComesBackLaterWithWhatItWentThrough) {
  Append append(10);
  append.claimed("mail");
  auto settle = settle_of(10, TOCSIN_STATE_READY, 0, kStart + 3);
  settle.attempts = 2;
  settle.crashes = 1;
  settle.next_at_ns = kStart + 60 * kSecond;
  settle.reason = str("503");
  EXPECT_APPLIED(store().apply(append, settle));
  EXPECT_EQ(settle.changed, 1U);
  const DeliveryRow row = store().notification(10).deliveries.at(0);
  EXPECT_EQ(row.reason, "503");
  EXPECT_EQ(row.updated_at_ns, kStart + 3);
  auto early = claim_of("mail", 1, kStart + 59 * kSecond);
  auto due = claim_of("mail", 1, kStart + 60 * kSecond);
  EXPECT_APPLIED(store().apply(early, due));
  EXPECT_EQ(early.claimed_count, 0U);
  EXPECT_EQ(early.next_due_ns, kStart + 60 * kSecond);
  ASSERT_EQ(due.claimed_count, 1U);
  EXPECT_EQ(due.claimed[0].attempts, 2U);
  EXPECT_EQ(due.claimed[0].crashes, 1U);
}

// What settle does in every state, and to which state: the storage's share of the transition table.
TEST_P(StorageDelivery, SettleMovesWhatIsOursAndNothingElse) {
  constexpr std::array kStates{TOCSIN_STATE_READY,     TOCSIN_STATE_CLAIMED, TOCSIN_STATE_SENDING,
                               TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD,    TOCSIN_STATE_CANCELLED,
                               TOCSIN_STATE_FELL_BACK};
  std::uint64_t id = 100;
  for (const auto from : kStates) {
    for (const auto to : kStates) {
      put_into(from, ++id);
      auto settle = settle_of(id, to);
      EXPECT_APPLIED(store().apply(settle));
      const bool ours = from == TOCSIN_STATE_CLAIMED || from == TOCSIN_STATE_SENDING;
      EXPECT_EQ(settle.changed, ours ? 1U : 0U) << from << " -> " << to;
      EXPECT_EQ(store().state_of(id), ours ? to : from) << from << " -> " << to;
    }
  }
}

TEST_P(StorageDelivery, ARequestedCancelTurnsEveryEndButDeliveredIntoCancelled) {
  struct Case {
    std::uint32_t to;
    int expected;
  };
  constexpr Case kCases[] = {{TOCSIN_STATE_READY, TOCSIN_STATE_CANCELLED},
                             {TOCSIN_STATE_CLAIMED, TOCSIN_STATE_CANCELLED},
                             {TOCSIN_STATE_SENDING, TOCSIN_STATE_CANCELLED},
                             {TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DELIVERED},
                             {TOCSIN_STATE_DEAD, TOCSIN_STATE_CANCELLED},
                             {TOCSIN_STATE_CANCELLED, TOCSIN_STATE_CANCELLED},
                             {TOCSIN_STATE_FELL_BACK, TOCSIN_STATE_CANCELLED}};
  std::uint64_t id = 100;
  for (const Case& one : kCases) {
    put_into(TOCSIN_STATE_CLAIMED, ++id);
    auto cancel = cancel_of(id, "");
    auto settle = settle_of(id, one.to);
    EXPECT_APPLIED(store().apply(cancel, settle));
    EXPECT_EQ(cancel.in_flight, 1U);
    EXPECT_EQ(settle.changed, 1U);
    EXPECT_EQ(settle.cancelled != 0, one.expected == TOCSIN_STATE_CANCELLED) << one.to;
    EXPECT_EQ(store().state_of(id), one.expected) << one.to;
  }
  EXPECT_EQ(store().backlog().count("mail"), 0U);
}

TEST_P(StorageDelivery, ACancelCountsWhatItFound) {
  Append append(10);
  append.from("shop").to("mail").to("mail").claimed("chat").claimed("push").claimed("sms");
  auto sending = settle_of(10, TOCSIN_STATE_SENDING, 3);
  auto delivered = settle_of(10, TOCSIN_STATE_DELIVERED, 4);
  auto foreign = cancel_of(10, "bank");
  auto nowhere = cancel_of(11, "shop");
  auto own = cancel_of(10, "shop");
  EXPECT_APPLIED(store().apply(append, sending, delivered, foreign, nowhere, own));
  EXPECT_EQ(foreign.found, 0U);
  EXPECT_EQ(nowhere.found, 0U);
  EXPECT_EQ(own.found, 1U);
  EXPECT_EQ(own.cancelled, 2U);
  EXPECT_EQ(own.in_flight, 2U);
  EXPECT_EQ(own.done, 1U);
  EXPECT_EQ(store().state_of(10, 0), TOCSIN_STATE_CANCELLED);
  EXPECT_TRUE(store().notification(10).deliveries.at(2).cancel_requested);
  EXPECT_EQ(store().backlog().count("mail"), 0U);
}

TEST_P(StorageDelivery, ADeadLetterIsListedReviewedAndRedriven) {
  Append append(10);
  append.claimed("mail");
  auto dead = settle_of(10, TOCSIN_STATE_DEAD, 0, kStart + 3);
  dead.reason = str("550 no such user");
  dead.attempts = 3;
  EXPECT_APPLIED(store().apply(append, dead));
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{0, 1}));
  const Page listed = store().dead_letters();
  ASSERT_EQ(listed.deliveries.size(), 1U);
  EXPECT_EQ(listed.deliveries[0].reason, "550 no such user");
  EXPECT_EQ(listed.deliveries[0].next_at_ns, dead.at_ns) << "when it died";
  EXPECT_EQ(listed.notifications.at(0).id, 10U);

  auto approve = review_of(10, TOCSIN_APPROVE);
  approve.at_ns = dead.at_ns + kSecond;
  EXPECT_APPLIED(store().apply(approve));
  EXPECT_EQ(store().dead_letters().deliveries.at(0).next_at_ns, dead.at_ns);
  EXPECT_EQ(store().dead_letters().deliveries.at(0).updated_at_ns, approve.at_ns);
  EXPECT_EQ(store().dead_letters().deliveries.at(0).review, std::uint32_t{TOCSIN_REVIEW_APPROVED});
  auto discard = review_of(10, TOCSIN_DISCARD);
  EXPECT_APPLIED(store().apply(discard, discard));
  EXPECT_EQ(store().dead_letters().deliveries.at(0).review, std::uint32_t{TOCSIN_REVIEW_DISCARDED});
  EXPECT_EQ(store().backlog().count("mail"), 0U);

  auto redrive = review_of(10, TOCSIN_REDRIVE);
  auto again = review_of(10, TOCSIN_REDRIVE);
  auto claim = claim_of("mail", 1);
  EXPECT_APPLIED(store().apply(redrive, again, claim));
  EXPECT_EQ(redrive.changed, 1U);
  EXPECT_EQ(text(redrive.output), "mail");
  EXPECT_EQ(again.changed, 0U);
  ASSERT_EQ(claim.claimed_count, 1U);
  EXPECT_EQ(claim.claimed[0].attempts, 0U);
  EXPECT_TRUE(store().dead_letters().deliveries.empty());
}

TEST_P(StorageDelivery, BlameCountsACrashOfWhatIsNotSettled) {
  std::uint64_t id = 100;
  for (const std::uint32_t state :
       {TOCSIN_STATE_READY, TOCSIN_STATE_CLAIMED, TOCSIN_STATE_SENDING, TOCSIN_STATE_DELIVERED,
        TOCSIN_STATE_DEAD, TOCSIN_STATE_CANCELLED}) {
    put_into(state, ++id);
    auto blame = blame_of(id);
    EXPECT_APPLIED(store().apply(blame));
    EXPECT_EQ(blame.changed, state <= TOCSIN_STATE_SENDING ? 1U : 0U) << state;
    EXPECT_EQ(store().state_of(id), static_cast<int>(state));
  }
  Append append(10);
  append.to("chat").to("chat");
  auto first = blame_of(10, 1);
  auto again = blame_of(10, 1);
  auto nowhere = blame_of(10, 2);
  auto claim = claim_of("chat", 10);
  EXPECT_APPLIED(store().apply(append, first, again, nowhere, claim));
  EXPECT_EQ(nowhere.changed, 0U);
  ASSERT_EQ(claim.claimed_count, 2U);
  EXPECT_EQ(claim.claimed[0].crashes, 0U);
  EXPECT_EQ(claim.claimed[1].crashes, 2U);
}

TEST_P(StorageDelivery, WhatIsRedrivenIsToldApartUntilItDiesAgain) {
  Append append(10);
  append.claimed("mail");
  auto dead = settle_of(10, TOCSIN_STATE_DEAD);
  auto redrive = review_of(10, TOCSIN_REDRIVE);
  auto first = claim_of("mail", 1);
  auto failed = settle_of(10, TOCSIN_STATE_READY);
  failed.next_at_ns = kStart;
  auto second = claim_of("mail", 1);
  EXPECT_APPLIED(store().apply(append, dead, redrive, first, failed, second));
  ASSERT_EQ(first.claimed_count, 1U);
  EXPECT_EQ(first.claimed[0].redriven, 1U);
  ASSERT_EQ(second.claimed_count, 1U);
  EXPECT_EQ(second.claimed[0].redriven, 1U);

  EXPECT_APPLIED(store().apply(dead));
  EXPECT_EQ(store().dead_letters().deliveries.at(0).review, std::uint32_t{TOCSIN_REVIEW_PENDING});

  Append other(11);
  other.to("mail");
  auto fresh = claim_of("mail", 1);
  EXPECT_APPLIED(store().apply(other, fresh));
  ASSERT_EQ(fresh.claimed_count, 1U);
  EXPECT_EQ(fresh.claimed[0].redriven, 0U);
}

TEST_P(StorageDelivery, WhatTheEpochOwnsIsListedInTheOrderOfIds) {
  Append late(12);
  late.in_class(0).claimed("chat").to("mail").claimed("mail");
  Append early(11);
  early.claimed("mail");
  Append waits(10);
  waits.to("mail");
  auto owned = owned_of(10);
  EXPECT_APPLIED(store().apply(late, early, waits, owned));
  ASSERT_EQ(owned.owned_count, 3U) << "as of its place in the batch";
  EXPECT_EQ(owned.owned[0].notification_id, 11U);
  EXPECT_EQ(text(owned.owned[0].output), "mail");
  EXPECT_EQ(owned.owned[0].delivery_class, 1U);
  EXPECT_EQ(owned.owned[1].notification_id, 12U);
  EXPECT_EQ(owned.owned[1].ordinal, 0U);
  EXPECT_EQ(text(owned.owned[1].output), "chat");
  EXPECT_EQ(owned.owned[1].delivery_class, 0U);
  EXPECT_EQ(owned.owned[2].ordinal, 2U);
  EXPECT_EQ(owned.owned[2].state, std::uint32_t{TOCSIN_STATE_CLAIMED});
  EXPECT_EQ(store().state_of(11), int{TOCSIN_STATE_CLAIMED}) << "and nothing changes";
}

TEST_P(StorageDelivery, WhatTheEpochOwnsIsListedAPageAtATime) {
  for (std::uint64_t id = 10; id < 15; ++id) put_into(TOCSIN_STATE_CLAIMED, id);
  Append two(15);
  two.claimed("mail").claimed("mail");
  auto first = owned_of(3);
  EXPECT_APPLIED(store().apply(two, first));
  ASSERT_EQ(first.owned_count, 3U);
  EXPECT_EQ(first.owned[2].notification_id, 12U);
  auto second = owned_of(3, 12, 0);
  EXPECT_APPLIED(store().apply(second));
  ASSERT_EQ(second.owned_count, 3U);
  EXPECT_EQ(second.owned[2].notification_id, 15U);
  auto last = owned_of(3, 15, 0);
  EXPECT_APPLIED(store().apply(last));
  ASSERT_EQ(last.owned_count, 1U);
  EXPECT_EQ(last.owned[0].ordinal, 1U);
}

TEST_P(StorageDelivery, WhatWasSettledOrGivenBackIsNotOwned) {
  put_into(TOCSIN_STATE_SENDING, 10);
  put_into(TOCSIN_STATE_DELIVERED, 11);
  put_into(TOCSIN_STATE_CLAIMED, 12);
  auto back = settle_of(12, TOCSIN_STATE_READY);
  auto mark = settle_of(10, TOCSIN_STATE_SENDING);
  mark.attempts = 2;
  mark.crashes = 1;
  auto owned = owned_of(10);
  EXPECT_APPLIED(store().apply(back, mark, owned));
  ASSERT_EQ(owned.owned_count, 1U);
  EXPECT_EQ(owned.owned[0].notification_id, 10U);
  EXPECT_EQ(owned.owned[0].state, std::uint32_t{TOCSIN_STATE_SENDING});
  EXPECT_EQ(owned.owned[0].attempts, 2U);
  EXPECT_EQ(owned.owned[0].crashes, 1U);
}

TEST_P(StorageDelivery, AMarkThatIsTakenBackIsAClaimAgain) {
  put_into(TOCSIN_STATE_SENDING, 10);
  auto keep = settle_of(10, TOCSIN_STATE_CLAIMED);
  keep.reason = str("429");
  auto other = claim_of("mail", 1);
  EXPECT_APPLIED(store().apply(keep, other));
  EXPECT_EQ(keep.changed, 1U);
  EXPECT_EQ(other.claimed_count, 0U);
  EXPECT_EQ(store().notification(10).deliveries.at(0).reason, "429");
  EXPECT_EQ(store().backlog().count("mail"), 0U);
  reopen();
  EXPECT_EQ(store().state_of(10), TOCSIN_STATE_READY);
}

// What waits for an output that is configured no longer is given to another, in bounded steps.
TEST_P(StorageDelivery, ReadyDeliveriesMoveInStepsAndKeepWhatTheyAre) {
  Append first(10);
  first.to("old", TOCSIN_STATE_READY, kStart + kSecond, "email:a@b.example").claimed("old");
  Append second(11);
  second.to("old");
  Append third(12);
  third.to("old", TOCSIN_STATE_READY, kStart + 2 * kSecond).to("other");
  EXPECT_APPLIED(store().apply(first, second, third));

  auto step = move_of("old", "mail", 2);
  EXPECT_APPLIED(store().apply(step));
  EXPECT_EQ(step.moved, 2U);
  EXPECT_EQ(step.more, 1U);
  EXPECT_EQ(store().notification(12).deliveries.at(0).output, "old") << "the earliest go first";
  EXPECT_EQ(store().notification(10).deliveries.at(0).address, "email:a@b.example");
  EXPECT_EQ(store().notification(10).deliveries.at(1).output, "old") << "a claimed one stays";
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{2, 0}));

  auto last = move_of("old", "mail", 2);
  auto none = move_of("old", "mail", 2);
  auto claim = claim_of("mail", 5, kStart + 3 * kSecond);
  EXPECT_APPLIED(store().apply(last, none, claim));
  EXPECT_EQ(last.moved, 1U);
  EXPECT_EQ(last.more, 0U);
  EXPECT_EQ(none.moved, 0U);
  ASSERT_EQ(claim.claimed_count, 3U);
  EXPECT_EQ(claim.claimed[0].notification_id, 11U);
  EXPECT_EQ(store().backlog().at("other"), (Backlog{1, 0}));
  EXPECT_EQ(store().backlog().count("old"), 0U);
}

TEST_P(StorageDelivery, DeadLettersMoveUnlessDiscarded) {
  for (const std::uint64_t id : {10U, 11U}) {
    Append append(id);
    append.claimed("old");
    auto dead = settle_of(id, TOCSIN_STATE_DEAD);
    dead.reason = str("550");
    dead.attempts = 3;
    EXPECT_APPLIED(store().apply(append, dead));
  }
  Append waits(12);
  waits.to("old");
  auto discard = review_of(11, TOCSIN_DISCARD);
  auto step = move_of("old", "mail", 5, true);
  EXPECT_APPLIED(store().apply(waits, discard, step));
  EXPECT_EQ(step.moved, 1U);
  EXPECT_EQ(step.more, 0U);
  const DeliveryRow moved = store().notification(10).deliveries.at(0);
  EXPECT_EQ(moved.output, "mail");
  EXPECT_EQ(moved.reason, "550");
  EXPECT_EQ(moved.attempts, 3U);
  EXPECT_EQ(store().notification(11).deliveries.at(0).output, "old");
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{0, 1}));
  EXPECT_EQ(store().backlog().at("old"), (Backlog{1, 0}));
}

TEST_P(StorageDelivery, NothingMovesFromWhereNothingIs) {
  Append append(10);
  append.to("mail");
  auto unknown = move_of("never", "mail", 5);
  auto itself = move_of("mail", "mail", 5);
  EXPECT_APPLIED(store().apply(append, unknown, itself));
  EXPECT_EQ(unknown.moved + unknown.more, 0U);
  EXPECT_EQ(itself.moved + itself.more, 0U);
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{1, 0}));
}

TEST_P(StorageDelivery, OnlyDeadLettersAreReviewed) {
  std::uint64_t id = 100;
  for (const std::uint32_t state : {TOCSIN_STATE_READY, TOCSIN_STATE_CLAIMED, TOCSIN_STATE_SENDING,
                                    TOCSIN_STATE_DELIVERED, TOCSIN_STATE_CANCELLED}) {
    put_into(state, ++id);
    for (const std::uint32_t verb : {TOCSIN_REDRIVE, TOCSIN_APPROVE, TOCSIN_DISCARD}) {
      auto review = review_of(id, verb);
      EXPECT_APPLIED(store().apply(review));
      EXPECT_EQ(review.changed, 0U);
      EXPECT_EQ(store().state_of(id), static_cast<int>(state));
    }
  }
}

}  // namespace

}  // namespace tocsin::conformance
