// Reports of providers against rows in every state.
#include "gateway/delivery/outbox_reports.h"

#include <gtest/gtest.h>

#include "gateway/delivery/outbox_ledger.h"
#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using message::ReportedRow;
using message::ReportState;
using std::chrono::minutes;

/// Keeps what was emitted.
class FakeEmit final : public stage::Emit {
 public:
  bool emit(const stage::EmitRequest& request, stage::EmitDone& done) override {
    texts.emplace_back(request.items.front().json);
    const stage::EmitOutcome outcome{.kind = stage::EmitOutcome::Kind::kUnrouted};
    done.on_emitted({&outcome, 1});
    return true;
  }
  void abandon(stage::EmitDone&) override {}
  std::vector<std::string> texts;
};

class OutboxReportsTest : public ::testing::Test {
 protected:
  /// What came of a report: nothing while it is not answered; kNone: it was taken.
  struct Told {
    bool taken = false;
    std::optional<Code> refused;
    bool over() const { return taken || refused.has_value(); }
  };
  std::shared_ptr<Told> begin(message::DeliveryId id, ReportState state, std::string reason = {},
                              std::string provider_id = {}) {
    auto told = std::make_shared<Told>();
    reports.report({state, id, std::move(provider_id), std::move(reason)},
                   [told](const Result<void>& result) {
                     if (result) {
                       told->taken = true;
                     } else {
                       told->refused = result.error().code;
                     }
                   });
    EXPECT_FALSE(told->over()) << "inside the call";
    return told;
  }
  // The pool's thread runs on its own.
  void settle_down(const Told& told) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!told.over() && std::chrono::steady_clock::now() < give_up) world.turn(1);
    world.turn();
  }
  Told report(message::DeliveryId id, ReportState state, std::string reason = {},
              std::string provider_id = {}) {
    const auto told = begin(id, state, std::move(reason), std::move(provider_id));
    settle_down(*told);
    return *told;
  }
  FakeStorage::Row row(message::DeliveryId id) { return storage.row(id); }
  /// A delivery that came to that verdict at its first attempt.
  message::DeliveryId after(Verdict verdict) {
    sms.output->script = [verdict](const auto&) { return verdict; };
    const message::DeliveryId id = world.append({.to = {sms.door()}}).delivery();
    world.turn();
    return id;
  }
  double counted(std::string_view state) {
    return world.metric("tocsin_reports_total{output=\"sms\",state=\"" + std::string(state) +
                        "\"}");
  }

  FakeStorage storage;
  World world{storage};
  World::LaneAndOutput& sms = world.add_lane("sms", LanePolicy::standard(), false);
  event::OffloadPool pool{1, 64};
  OutboxLedger ledger{*world.port, storage, pool};
  FakeEmit emit;
  DeadLetterNotices notices{emit, world.log};
  OutboxReports reports{{*world.port, ledger, notices, world.metrics, world.log}};
};

TEST_F(OutboxReportsTest, ABounceMakesADeliveredOneADeadLetter) {
  const message::DeliveryId id = after(delivered("p-1"));
  EXPECT_TRUE(report(id, ReportState::kBounced, "no such number", "p-1").taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDead);
  EXPECT_EQ(row(id).reason, "bounced: no such number");
  EXPECT_FALSE(row(id).redrive_at);
  EXPECT_EQ(counted("bounced"), 1);
  EXPECT_EQ(world.metric("tocsin_deliveries_given_up_total{output=\"sms\",reason=\"bounced\","
                         "next=\"dead\"}"),
            1);
}

TEST_F(OutboxReportsTest, TakesRepeatsAndStepsBackForNothing) {
  const message::DeliveryId id = after(delivered("p-1"));
  EXPECT_TRUE(report(id, ReportState::kDelivered).taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDelivered);
  report(id, ReportState::kBounced, "first");
  const auto batches = storage.batches().size();
  EXPECT_TRUE(report(id, ReportState::kBounced, "second").taken);
  EXPECT_TRUE(report(id, ReportState::kDelivered).taken);
  EXPECT_TRUE(report(id, ReportState::kAccepted, {}, "p-2").taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDead);
  EXPECT_EQ(row(id).reason, "bounced: first");
  EXPECT_EQ(row(id).provider_id, "p-1");
  EXPECT_EQ(storage.batches().size(), batches) << "nothing is written for what is known";
}

TEST_F(OutboxReportsTest, LooksAtWhichAttemptABounceIsOf) {
  const message::DeliveryId id = after(delivered("p-2"));
  EXPECT_TRUE(report(id, ReportState::kBounced, "of the one before", "p-1").taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDelivered);
  EXPECT_TRUE(report(id, ReportState::kBounced, "without an id").taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDead);
}

TEST_F(OutboxReportsTest, NotesTheProvidersIdOnce) {
  const message::DeliveryId id = after(delivered());
  EXPECT_TRUE(report(id, ReportState::kAccepted, {}, "p-1").taken);
  EXPECT_TRUE(report(id, ReportState::kAccepted, {}, "p-2").taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDelivered);
  EXPECT_EQ(row(id).provider_id, "p-1");
}

TEST_F(OutboxReportsTest, EndsTheDoubtAboutWhatIsAmbiguous) {
  const message::DeliveryId arrived = after({.kind = VerdictKind::kAmbiguous, .reason = "cut"});
  ASSERT_EQ(row(arrived).state, DeliveryState::kDead);
  EXPECT_TRUE(report(arrived, ReportState::kDelivered, {}, "p-1").taken);
  EXPECT_EQ(row(arrived).state, DeliveryState::kDelivered);
  EXPECT_EQ(row(arrived).provider_id, "p-1");
  EXPECT_EQ(row(arrived).reason, "");

  const message::DeliveryId lost = after({.kind = VerdictKind::kAmbiguous, .reason = "cut"});
  EXPECT_TRUE(report(lost, ReportState::kBounced, "gone").taken);
  EXPECT_EQ(row(lost).state, DeliveryState::kDead);
  EXPECT_EQ(row(lost).reason, "bounced: gone");
}

TEST_F(OutboxReportsTest, LeavesWhatWasRefusedToPeople) {
  const message::DeliveryId id = after({.kind = VerdictKind::kRejected, .reason = "too long"});
  EXPECT_TRUE(report(id, ReportState::kDelivered).taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDead);
  EXPECT_EQ(row(id).reason, "rejected: too long");
}

TEST_F(OutboxReportsTest, SendsNothingTwiceThatArrivedAfterAll) {
  const message::DeliveryId id = after(retry("HTTP 500", minutes(5)));
  ASSERT_EQ(row(id).state, DeliveryState::kReady);
  EXPECT_TRUE(report(id, ReportState::kDelivered, {}, "p-1").taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDelivered);
  const std::size_t attempts = sms.output->seen.size();
  world.pass(minutes(10));
  EXPECT_EQ(sms.output->seen.size(), attempts);
}

TEST_F(OutboxReportsTest, DoesNotBelieveReportsOfWhatWasNeverSent) {
  const message::DeliveryId id =
      world.append({.to = {sms.door()}, .deliver_at = world.clock.wall() + minutes(5)}).delivery();
  EXPECT_TRUE(report(id, ReportState::kDelivered, {}, "p-1").taken);
  EXPECT_TRUE(report(id, ReportState::kBounced).taken);
  EXPECT_EQ(row(id).state, DeliveryState::kReady);
  EXPECT_EQ(row(id).provider_id, "");
}

TEST_F(OutboxReportsTest, WaitsForTheAttemptThatItOvertook) {
  const message::DeliveryId id = world.append({.to = {sms.door()}}).delivery();
  ASSERT_EQ(sms.output->open.size(), 1U);
  const auto told = begin(id, ReportState::kBounced, "no such number");
  const auto looked = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (reports.waiting() == 0 && std::chrono::steady_clock::now() < looked) world.turn(1);
  EXPECT_FALSE(told->over());
  sms.output->complete(delivered());
  world.turn();
  EXPECT_EQ(row(id).state, DeliveryState::kDelivered);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!told->over() && std::chrono::steady_clock::now() < give_up) {
    world.advance(OutboxReports::kLookAgain);
  }
  EXPECT_TRUE(told->taken);
  EXPECT_EQ(row(id).state, DeliveryState::kDead);
}

TEST_F(OutboxReportsTest, DoesNotWaitForEver) {
  LanePolicy patient = LanePolicy::standard();
  patient.timeout = std::chrono::hours(10'000);
  auto& slow = world.add_lane("slow", patient, false);
  const message::DeliveryId id = world.append({.to = {slow.door()}}).delivery();
  const auto told = begin(id, ReportState::kBounced);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!told->over() && std::chrono::steady_clock::now() < give_up) {
    world.advance(OutboxReports::kLookAgain);
  }
  EXPECT_EQ(told->refused, Code::kUnavailable);
  slow.output->complete(delivered());
  world.turn();
  EXPECT_EQ(row(id).state, DeliveryState::kDelivered);
}

TEST_F(OutboxReportsTest, KnowsNoOthers) {
  const message::DeliveryId id = after(delivered());
  EXPECT_EQ(report({{id.notification.value + 99}, 0}, ReportState::kBounced).refused,
            Code::kNotFound);
  EXPECT_EQ(report({id.notification, 7}, ReportState::kBounced).refused, Code::kNotFound);
}

TEST_F(OutboxReportsTest, SaysThatTheStoreIsDown) {
  const message::DeliveryId id = after(delivered());
  storage.set_down(true);
  EXPECT_EQ(report(id, ReportState::kBounced).refused, Code::kUnavailable);
}

TEST_F(OutboxReportsTest, RefusesMoreThanItCanHold) {
  const message::DeliveryId id = after(delivered());
  std::vector<std::shared_ptr<Told>> all;
  for (std::size_t i = 0; i <= OutboxReports::kReportsMax; ++i) {
    all.push_back(begin(id, ReportState::kDelivered));
  }
  for (const auto& told : all) settle_down(*told);
  EXPECT_EQ(all.back()->refused, Code::kFull);
}

TEST_F(OutboxReportsTest, ABounceIsMirroredAndToldOf) {
  auto& chat = world.add_lane("chat");
  chat.output->script = [](const auto&) { return delivered(); };
  reports.follow({.mirror = "chat", .notify = true});
  const message::DeliveryId id = after(delivered());
  report(id, ReportState::kBounced, "gone");
  world.turn();
  ASSERT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(chat.output->seen[0].delivery, (message::DeliveryId{id.notification, 1}));
  ASSERT_EQ(emit.texts.size(), 1U);
  EXPECT_NE(emit.texts[0].find("bounced: gone"), std::string::npos);
  report(id, ReportState::kBounced, "gone");
  // The copy bounces as well: nobody hears of that.
  report({id.notification, 1}, ReportState::kBounced, "gone");
  world.turn();
  EXPECT_EQ(chat.output->seen.size(), 1U);
  EXPECT_EQ(emit.texts.size(), 1U);
}

TEST_F(OutboxReportsTest, TellsRowsApart) {
  const auto of = [](DeliveryState state, std::uint32_t attempts, std::string reason = {}) {
    stage::DeliveryRow row;
    row.state = state;
    row.attempts = attempts;
    row.reason = std::move(reason);
    return reported_row(row);
  };
  EXPECT_EQ(of(DeliveryState::kReady, 0), ReportedRow::kUntried);
  EXPECT_EQ(of(DeliveryState::kReady, 1), ReportedRow::kTried);
  EXPECT_EQ(of(DeliveryState::kClaimed, 1), ReportedRow::kInFlight);
  EXPECT_EQ(of(DeliveryState::kSending, 1), ReportedRow::kInFlight);
  EXPECT_EQ(of(DeliveryState::kDelivered, 1), ReportedRow::kDelivered);
  EXPECT_EQ(of(DeliveryState::kDead, 1, "ambiguous"), ReportedRow::kInDoubt);
  EXPECT_EQ(of(DeliveryState::kDead, 5, "gave up after attempt 5: HTTP 500"),
            ReportedRow::kInDoubt);
  EXPECT_EQ(of(DeliveryState::kDead, 1, "bounced: gone"), ReportedRow::kBounced);
  EXPECT_EQ(of(DeliveryState::kDead, 1, "expired"), ReportedRow::kDead);
  EXPECT_EQ(of(DeliveryState::kDead, 1, "what a later release says"), ReportedRow::kDead);
  EXPECT_EQ(of(DeliveryState::kCancelled, 1), ReportedRow::kEnded);
  EXPECT_EQ(of(DeliveryState::kFellBack, 1), ReportedRow::kEnded);
}

TEST_F(OutboxReportsTest, WhatIsAnsweredAfterTheirEndFindsNobody) {
  const message::DeliveryId id = after(delivered("p-1"));
  bool told = false;
  {
    OutboxReports ended{{*world.port, ledger, notices, world.metrics, world.log}};
    ended.report({ReportState::kBounced, id, "p-1", "no such number"},
                 [&told](const Result<void>&) { told = true; });
  }
  EXPECT_TRUE(report(id, ReportState::kDelivered).taken) << "asked after it, answered after it";
  EXPECT_FALSE(told);
  EXPECT_EQ(row(id).state, DeliveryState::kDelivered);
}

}  // namespace
}  // namespace tocsin::delivery::testing
