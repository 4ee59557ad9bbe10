// What a storage does with what a provider says later of a delivery that nobody holds.
#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {
namespace {

constexpr std::uint64_t kId = 10;

class StorageAmend : public StorageTest {
 protected:
  /// A delivery to "sms", settled into that state, or ready.
  void have(std::uint32_t state, std::string_view reason = {}, std::string_view provider_id = {}) {
    Append append(kId);
    if (state == TOCSIN_STATE_READY) append.to("sms");
    if (state != TOCSIN_STATE_READY) append.claimed("sms");
    EXPECT_APPLIED(store().apply(append));
    if (state == TOCSIN_STATE_READY || state == TOCSIN_STATE_CLAIMED) return;
    auto settle = settle_of(kId, state);
    settle.reason = str(reason);
    settle.provider_id = str(provider_id);
    settle.redrive_at_ns = state == TOCSIN_STATE_DEAD ? kStart + 60 * kSecond : 0;
    EXPECT_APPLIED(store().apply(settle));
  }
  DeliveryRow row(std::size_t ordinal = 0) {
    return store().notification(kId).deliveries.at(ordinal);
  }
};

TEST_P(StorageAmend, WhatBouncedIsADeadLetterForPeople) {
  have(TOCSIN_STATE_DELIVERED, "", "p-1");
  auto bounce =
      amend_of(kId, TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD, "bounced: no such number", "p-2");
  EXPECT_APPLIED(store().apply(bounce));
  EXPECT_EQ(bounce.changed, 1U);
  EXPECT_EQ(row().state, std::uint32_t{TOCSIN_STATE_DEAD});
  EXPECT_EQ(row().review, std::uint32_t{TOCSIN_REVIEW_PENDING});
  EXPECT_EQ(row().reason, "bounced: no such number");
  EXPECT_EQ(row().provider_id, "p-1");
  EXPECT_EQ(row().redrive_at_ns, 0);
  EXPECT_EQ(row().next_at_ns, kStart + kSecond) << "when it died";
  EXPECT_EQ(row().updated_at_ns, kStart + kSecond);
  EXPECT_EQ(store().backlog().at("sms"), (Backlog{0, 1}));
  EXPECT_EQ(store().dead_letters("sms").deliveries.size(), 1U);
  auto due = redrive_due_of(kStart + 100 * kSecond);
  EXPECT_APPLIED(store().apply(due));
  EXPECT_EQ(due.redriven, 0U);
}

TEST_P(StorageAmend, WhatArrivedAfterAllIsNoDeadLetterAnyMore) {
  have(TOCSIN_STATE_DEAD, "ambiguous");
  EXPECT_EQ(store().backlog().at("sms"), (Backlog{0, 1}));
  auto arrived = amend_of(kId, TOCSIN_STATE_DEAD, TOCSIN_STATE_DELIVERED, {}, "p-1");
  EXPECT_APPLIED(store().apply(arrived));
  EXPECT_EQ(arrived.changed, 1U);
  EXPECT_EQ(row().state, std::uint32_t{TOCSIN_STATE_DELIVERED});
  EXPECT_EQ(row().reason, "");
  EXPECT_EQ(row().provider_id, "p-1");
  EXPECT_EQ(row().redrive_at_ns, 0);
  EXPECT_EQ(store().backlog().count("sms"), 0U);
  EXPECT_TRUE(store().dead_letters().deliveries.empty());
}

TEST_P(StorageAmend, ADiscardedOneWasNotCounted) {
  have(TOCSIN_STATE_DEAD, "ambiguous");
  auto discard = review_of(kId, TOCSIN_DISCARD);
  auto arrived = amend_of(kId, TOCSIN_STATE_DEAD, TOCSIN_STATE_DELIVERED);
  EXPECT_APPLIED(store().apply(discard, arrived));
  EXPECT_EQ(arrived.changed, 1U);
  EXPECT_EQ(store().backlog().count("sms"), 0U);
}

TEST_P(StorageAmend, WhatWaitedIsNotSentAgain) {
  for (const std::uint32_t end : {TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD}) {
    const std::uint64_t id = 20 + end;
    Append append(id);
    append.to("sms");
    auto amend = amend_of(id, TOCSIN_STATE_READY, end, end == TOCSIN_STATE_DEAD ? "bounced" : "");
    auto claim = claim_of("sms", 10);
    EXPECT_APPLIED(store().apply(append, amend, claim));
    EXPECT_EQ(amend.changed, 1U);
    EXPECT_EQ(claim.claimed_count, 0U);
    EXPECT_EQ(store().state_of(id), static_cast<int>(end));
  }
  EXPECT_EQ(store().backlog().at("sms"), (Backlog{0, 1}));
}

TEST_P(StorageAmend, SaysMoreOfWhatStaysWhatItIs) {
  have(TOCSIN_STATE_DEAD, "ambiguous");
  auto note = amend_of(kId, TOCSIN_STATE_DEAD, TOCSIN_STATE_DEAD, {}, "p-1");
  EXPECT_APPLIED(store().apply(note));
  EXPECT_EQ(note.changed, 1U);
  EXPECT_EQ(row().provider_id, "p-1");
  EXPECT_EQ(row().reason, "ambiguous");
  EXPECT_EQ(row().updated_at_ns, kStart);
  EXPECT_EQ(row().redrive_at_ns, kStart + 60 * kSecond);
  auto bounce = amend_of(kId, TOCSIN_STATE_DEAD, TOCSIN_STATE_DEAD, "bounced", "p-2");
  EXPECT_APPLIED(store().apply(bounce));
  EXPECT_EQ(row().provider_id, "p-1");
  EXPECT_EQ(row().reason, "bounced");
  EXPECT_EQ(row().redrive_at_ns, 0);
  EXPECT_EQ(row().updated_at_ns, kStart + kSecond);
  EXPECT_EQ(store().backlog().at("sms"), (Backlog{0, 1}));
}

TEST_P(StorageAmend, LeavesAloneWhatIsNotAsItWasRead) {
  have(TOCSIN_STATE_DELIVERED);
  auto other_state = amend_of(kId, TOCSIN_STATE_DEAD, TOCSIN_STATE_DELIVERED, {}, "p");
  auto other_time =
      amend_of(kId, TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD, "bounced", "p", kStart - 1);
  auto unknown = amend_of(kId + 1, TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD, "bounced");
  auto no_ordinal = amend_of(kId, TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD, "bounced");
  no_ordinal.ordinal = 1;
  EXPECT_APPLIED(store().apply(other_state, other_time, unknown, no_ordinal));
  EXPECT_EQ(other_state.changed + other_time.changed + unknown.changed + no_ordinal.changed, 0U);
  EXPECT_EQ(row().state, std::uint32_t{TOCSIN_STATE_DELIVERED});
  EXPECT_EQ(row().provider_id, "");
}

TEST_P(StorageAmend, LeavesAloneWhatSomebodyHolds) {
  have(TOCSIN_STATE_CLAIMED);
  auto claimed = amend_of(kId, TOCSIN_STATE_CLAIMED, TOCSIN_STATE_CLAIMED, {}, "p");
  auto mark = settle_of(kId, TOCSIN_STATE_SENDING);
  auto sending = amend_of(kId, TOCSIN_STATE_SENDING, TOCSIN_STATE_DEAD, "bounced");
  EXPECT_APPLIED(store().apply(claimed, mark, sending));
  EXPECT_EQ(claimed.changed + sending.changed, 0U);
  EXPECT_EQ(row().provider_id, "");
}

TEST_P(StorageAmend, ABounceIsCopiedOnceAndACopyNever) {
  have(TOCSIN_STATE_DELIVERED);
  tocsin_new_delivery mirror{};
  mirror.output = str("chat");
  mirror.mirror = 1;
  mirror.next_at_ns = kStart + kSecond;
  auto bounce = amend_of(kId, TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD, "bounced");
  bounce.successor = &mirror;
  EXPECT_APPLIED(store().apply(bounce));
  EXPECT_EQ(bounce.mirror, 0U);
  EXPECT_EQ(bounce.successor_ordinal, 1U);
  EXPECT_EQ(row(1).output, "chat");
  EXPECT_EQ(row(1).state, std::uint32_t{TOCSIN_STATE_READY});
  EXPECT_EQ(store().backlog().at("chat"), (Backlog{1, 0}));

  auto claim = claim_of("chat", 1, kStart + kSecond);
  auto arrives = settle_of(kId, TOCSIN_STATE_DELIVERED, 1);
  auto too = amend_of(kId, TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD, "bounced");
  too.ordinal = 1;
  too.successor = &mirror;
  EXPECT_APPLIED(store().apply(claim, arrives, too));
  EXPECT_EQ(claim.claimed_count, 1U);
  EXPECT_EQ(too.changed, 1U);
  EXPECT_EQ(too.mirror, 1U);
  EXPECT_EQ(store().notification(kId).deliveries.size(), 2U);
}

TEST_P(StorageAmend, FreesTheLineOfWhatWaitedInIt) {
  Append first(kId);
  first.grouped("k").to("sms").ordered();
  Append second(kId + 1);
  second.grouped("k").to("sms").ordered();
  auto arrived = amend_of(kId, TOCSIN_STATE_READY, TOCSIN_STATE_DELIVERED);
  auto claim = claim_of("sms", 10);
  EXPECT_APPLIED(store().apply(first, second, arrived, claim));
  EXPECT_EQ(arrived.freed, 1U);
  ASSERT_EQ(claim.claimed_count, 1U);
  EXPECT_EQ(claim.claimed[0].notification_id, kId + 1);
}

TEST_P(StorageAmend, IsKeptOnceItIsApplied) {
  have(TOCSIN_STATE_DELIVERED);
  auto bounce = amend_of(kId, TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD, "bounced");
  EXPECT_APPLIED(store().apply(bounce));
  const Opened opened = reopen();
  EXPECT_EQ(opened.backlog.at("sms"), (Backlog{0, 1}));
  EXPECT_EQ(row().reason, "bounced");
  EXPECT_APPLIED(store().apply(bounce));
  EXPECT_EQ(bounce.changed, 0U) << "twice is once";
}

INSTANTIATE_TEST_SUITE_P(All, StorageAmend, testing::ValuesIn(storages()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace tocsin::conformance
