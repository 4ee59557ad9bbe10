#include "gateway/delivery/outbox_reports.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "gateway/delivery/delivery_metrics.h"
#include "gateway/delivery/give_up_reason.h"
#include "gateway/delivery/settle.h"
#include "gateway/delivery/store_read.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/message/verdict.h"

namespace tocsin::delivery {

using message::Amendment;
using message::DeliveryState;
using message::ReportedRow;
using message::ReportState;

namespace {

ReportedRow reported_dead(std::string_view reason) {
  switch (cause_of_reason(reason).value_or(GiveUpCause::kRejected)) {
    case GiveUpCause::kAmbiguous:
    case GiveUpCause::kExhausted:
      return ReportedRow::kInDoubt;
    case GiveUpCause::kBounced:
      return ReportedRow::kBounced;
    default:
      return ReportedRow::kDead;
  }
}

// A bounce of an attempt that another one has followed since.
bool of_another_attempt(const stage::DeliveryRow& row, const stage::Report& report) {
  return row.state == DeliveryState::kDelivered && report.state == ReportState::kBounced &&
         !row.provider_id.empty() && !report.provider_id.empty() &&
         row.provider_id != report.provider_id;
}

Amendment decide_report(const stage::DeliveryRow& row, const stage::Report& report) {
  if (of_another_attempt(row, report)) return Amendment::kNothing;
  const Amendment what = message::amendment(reported_row(row), report.state);
  const bool nothing_new = report.provider_id.empty() || !row.provider_id.empty();
  return what == Amendment::kNoteId && nothing_new ? Amendment::kNothing : what;
}

}  // namespace

ReportedRow reported_row(const stage::DeliveryRow& row) {
  switch (row.state) {
    case DeliveryState::kReady:
      return row.attempts > 0 ? ReportedRow::kTried : ReportedRow::kUntried;
    case DeliveryState::kClaimed:
    case DeliveryState::kSending:
      return ReportedRow::kInFlight;
    case DeliveryState::kDelivered:
      return ReportedRow::kDelivered;
    case DeliveryState::kDead:
      return reported_dead(row.reason);
    case DeliveryState::kCancelled:
    case DeliveryState::kFellBack:
      return ReportedRow::kEnded;
  }
  return ReportedRow::kEnded;
}

/// One report, alive in whatever it waits for: the ledger's callback, its timer's list, or, while
/// the front has it, itself.
class OutboxReports::Case final : public AmendRequest, public std::enable_shared_from_this<Case> {
 public:
  Case(OutboxReports& owner, stage::Report report, Function<void(Result<void>)> done)
      : owner_(owner),
        gone_(owner.gone_),
        report_(std::move(report)),
        done_(std::move(done)),
        give_up_at_(owner.around_.port.loop().now() + kPatience),
        timer_(owner.around_.port.loop().timers(), [this] { look_again(); }) {}

  void look() {
    stage::Query query;
    query.what = stage::Query::What::kNotification;
    query.id = report_.id.notification;
    owner_.around_.ledger.query(std::move(query),
                                [self = shared_from_this()](Result<stage::QueryResult> found) {
                                  self->on_found(std::move(found));
                                });
  }

  bool fresh = false;  // it was no dead letter before
  bool tells = false;  // and others are to hear of it
  std::uint32_t attempts = 0;

 private:
  void on_found(Result<stage::QueryResult> found) {
    if (*gone_) return;
    if (!found) return end(tl::unexpected(Error{Code::kUnavailable, found.error().what, {}}));
    const auto row = std::ranges::find(found->deliveries, report_.id, &stage::DeliveryRow::id);
    if (row == found->deliveries.end()) {
      return end(fail(Code::kNotFound, "there is no such delivery"));
    }
    output = row->output;
    const Amendment what = decide_report(*row, report_);
    if (what == Amendment::kNothing) return end({});
    if (what == Amendment::kLater) return wait();
    amend(*row, what, found->notification && found->notification->input == kDeadLetterInput);
  }

  void amend(const stage::DeliveryRow& row, Amendment what, bool is_notice) {
    const DeadLetterPolicy& policy = owner_.policy_;
    op.id = row.id;
    op.was = op.state = row.state;
    op.was_updated_at = row.updated_at;
    reason.clear();
    mirror.clear();
    fresh = tells = false;
    provider_id = cut_text(report_.provider_id, message::kProviderIdBytesMax);
    if (what == Amendment::kDeliver) op.state = DeliveryState::kDelivered;
    if (what == Amendment::kBury) {
      op.state = DeliveryState::kDead;
      reason = cut_text(because("bounced", report_.reason), message::kReasonBytesMax);
      fresh = row.state != DeliveryState::kDead;
      // What is final was told of when it became that.
      tells = (fresh || row.redrive_at) && !is_notice;
      if (tells && policy.mirror != row.output) mirror = policy.mirror;
    }
    attempts = row.attempts;
    held_ = shared_from_this();
    owner_.around_.port.submit(*this);
  }

  void on_answered() override {
    const std::shared_ptr<Case> self = std::move(held_);
    if (*gone_) return;
    if (!committed()) return end(tl::unexpected(store_cannot_commit()));
    // Another report, a person or the clock was faster: what it left is to be looked at.
    if (!op.changed) return wait();
    if (op.state == DeliveryState::kDead && !reason.empty()) owner_.tell_of(*this);
    end({});
  }

  void wait() {
    if (owner_.around_.port.loop().now() >= give_up_at_) {
      return end(fail(Code::kUnavailable, "the delivery is under way"));
    }
    owner_.waiting_.push_back(shared_from_this());
    timer_.arm_after(kLookAgain);
  }
  void look_again() {
    const std::shared_ptr<Case> self = shared_from_this();
    std::erase(owner_.waiting_, self);
    look();
  }

  void end(Result<void> result) {
    --owner_.cases_;
    if (result) owner_.count(output, report_.state);
    done_(std::move(result));
  }

  OutboxReports& owner_;
  const std::shared_ptr<const bool> gone_;
  const stage::Report report_;
  Function<void(Result<void>)> done_;
  const MonoTime give_up_at_;
  event::Timer timer_;
  std::shared_ptr<Case> held_;  // while the front has it
};

OutboxReports::OutboxReports(const Surroundings& around)
    : around_(around),
      reports_(around.metrics.counters(
          "tocsin_reports_total", "What providers told later of deliveries, by what they told.",
          {"output", "state"})),
      given_up_(given_up_family(around.metrics)) {}

OutboxReports::~OutboxReports() { *gone_ = true; }

void OutboxReports::report(stage::Report report, Function<void(Result<void>)> done) {
  if (cases_ == kReportsMax) {
    around_.port.loop().post(
        [refused = std::move(done)]() mutable { refused(tl::unexpected(store_asked_too_much())); });
    return;
  }
  ++cases_;
  std::make_shared<Case>(*this, std::move(report), std::move(done))->look();
}

void OutboxReports::count(std::string_view output, ReportState state) {
  reports_.with({output, message::report_name(state)}).add();
}

void OutboxReports::tell_of(const Case& one) {
  if (one.fresh) {
    given_up_.with({one.output, give_up_cause_name(GiveUpCause::kBounced), "dead"}).add();
  }
  TOCSIN_LOG(around_.log, kWarning, "delivery", "dead letter",
             {"notification_id", one.op.id.notification.text()}, {"delivery_id", one.op.id.text()},
             {"output", one.output}, {"attempts", one.attempts}, {"reason", one.reason},
             {"final", true});
  if (!one.tells || !policy_.notify || one.op.mirror) return;
  around_.notices.tell(one.op.id, one.output, one.reason, one.attempts);
}

}  // namespace tocsin::delivery
