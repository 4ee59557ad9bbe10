// What comes with a delivery's end: a fallback's delivery, a mirror's.
#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {

namespace {

class StorageSuccessor : public StorageTest {};

INSTANTIATE_TEST_SUITE_P(All, StorageSuccessor, testing::ValuesIn(storages()),
                         [](const auto& kind) { return kind.param.name; });

TEST_P(StorageSuccessor, AFallbackReplacesADeliveryInOneOperation) {
  Append append(10);
  append.in_class(0).claimed("chat").in_class(1).to("sms");
  const tocsin_new_delivery mail{str("mail"), str("email:a@b"), TOCSIN_STATE_READY, 0, 0,
                                 0,           kStart + 5};
  auto settle = settle_of(10, TOCSIN_STATE_FELL_BACK);
  settle.attempts = 3;
  settle.reason = str("550");
  settle.successor = &mail;
  EXPECT_APPLIED(store().apply(append, settle));
  EXPECT_EQ(settle.changed, 1U);
  EXPECT_EQ(settle.successor_ordinal, 2U) << "behind the last";
  EXPECT_EQ(store().state_of(10, 0), TOCSIN_STATE_FELL_BACK);
  const Page page = store().notification(10);
  ASSERT_EQ(page.deliveries.size(), 3U);
  const DeliveryRow& next = page.deliveries[2];
  EXPECT_EQ(next.state, std::uint32_t{TOCSIN_STATE_READY});
  EXPECT_EQ(next.output, "mail");
  EXPECT_EQ(next.address, "email:a@b");
  EXPECT_EQ(next.attempts, 0U);
  EXPECT_EQ(next.next_at_ns, kStart + 5);
  EXPECT_EQ(store().backlog().at("mail"), (Backlog{1, 0}));
  auto claim = claim_of("mail", 5, kStart + 5, 0);
  EXPECT_APPLIED(store().apply(claim));
  EXPECT_EQ(claim.claimed_count, 1U) << "of the class of the one it follows";
}

TEST_P(StorageSuccessor, ADeadLetterMayHaveAMirror) {
  Append append(10);
  append.claimed("mail");
  const tocsin_new_delivery mirror{str("ops"), {}, TOCSIN_STATE_READY, 0, 0, 0, kStart};
  auto settle = settle_of(10, TOCSIN_STATE_DEAD);
  settle.successor = &mirror;
  EXPECT_APPLIED(store().apply(append, settle));
  EXPECT_EQ(store().state_of(10, 0), TOCSIN_STATE_DEAD);
  EXPECT_EQ(store().state_of(10, 1), TOCSIN_STATE_READY);
  EXPECT_EQ(store().backlog(), (Backlogs{{"mail", {0, 1}}, {"ops", {1, 0}}}));
  EXPECT_EQ(reopen().backlog, (Backlogs{{"mail", {0, 1}}, {"ops", {1, 0}}}));
}

TEST_P(StorageSuccessor, ASuccessorComesOnlyWithItsChange) {
  const tocsin_new_delivery mail{str("mail"), {}, TOCSIN_STATE_READY, 0, 0, 0, kStart};
  Append append(10);
  append.claimed("chat").claimed("chat");
  auto settle = settle_of(10, TOCSIN_STATE_FELL_BACK);
  settle.successor = &mail;
  auto again = settle;
  auto cancel = cancel_of(10, "");
  auto cancelled = settle_of(10, TOCSIN_STATE_FELL_BACK, 1);
  cancelled.successor = &mail;
  EXPECT_APPLIED(store().apply(append, settle, again, cancel, cancelled));
  EXPECT_EQ(settle.changed, 1U);
  EXPECT_EQ(again.changed, 0U);
  EXPECT_EQ(cancelled.cancelled, 1U);
  EXPECT_EQ(store().notification(10).deliveries.size(), 3U);
  EXPECT_EQ(store().state_of(10, 2), TOCSIN_STATE_CANCELLED) << "the cancel found it ready";
}

}  // namespace

}  // namespace tocsin::conformance
