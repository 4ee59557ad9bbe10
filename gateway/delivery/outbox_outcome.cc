// What a batch came to, told to those who asked: one reply a port, whatever it holds.
#include <algorithm>

#include "gateway/delivery/outbox_front.h"
#include "gateway/delivery/outbox_port.h"

namespace tocsin::delivery {

using message::DeliveryState;

namespace {

/// Gives back a row that no lane heard of.
class ClaimRelease final : public SettleRequest {
 public:
  ClaimRelease() { holds_credit = false; }
  void on_answered() override { delete this; }
};

/// Appends of a batch that may be in the store, once their maker was told that nobody knows. Keeps
/// what their lanes need should they turn out to be there.
class OrphanedAppends final : public AppendGroup {
 public:
  // Moving a vector leaves its items where they are, and with them what the items point to.
  explicit OrphanedAppends(AppendGroup& from) {
    items.swap(from.items);
    rows.swap(from.rows);
    doors.swap(from.doors);
  }
  void on_answered() override { delete this; }
};

}  // namespace

void OutboxFront::on_applied(const stage::Applied& applied) {
  loop_.assert_owner();
  TOCSIN_ASSERT(applying_ && !unknown_, "a storage ended a batch that it was not given");
  metrics_.commit_seconds.observe(loop_.clock().mono() - applied_at_);
  metrics_.commit_operations.observe(static_cast<double>(batch_.operations().size()));
  switch (applied.kind) {
    case stage::Applied::Kind::kCommitted:
      commit_batch();
      break;
    case stage::Applied::Kind::kFailed:
      fail_batch(applied.error);
      break;
    case stage::Applied::Kind::kUnknown:
      TOCSIN_LOG(log_, kError, "delivery",
                 "the outcome of a commit is unknown: opening the store "
                 "again",
                 {"error", applied.error.text()});
      unknown_ = true;
      if (std::exchange(looking_, false)) look_due_ = true;  // it told nothing
      forget_blames();                                       // told twice they would weigh double
      look_up_supersedes();
      redrives_.repeat();
      doors_.spill_all();
      drop_held_check();
      storage_.close();
      store_open_ = false;
      set_status(false, false);
      refuse_waiting();
      if (!resolve_unknown()) {
        answer_unknown();
        retry_timer_.arm_after(kRetryEvery);
      }
      break;
  }
  send_replies();
  const bool more = !urgent_.empty() || !appends_.empty() || doors_.wants_claim() || renew_due_ ||
                    look_due_ || probe_due_ || (held_check_due_ && held_check_.idle()) ||
                    (status_.accepting && !held_check_.unheld().empty()) ||
                    (status_.accepting && (!supersedes_.empty() || redrives_.due()));
  if (more || stopping_) wake();
}

void OutboxFront::commit_batch() {
  metrics_.commits.add();
  const WallTime now = clock_.now();
  if (std::exchange(renewing_, false)) commit_renewal();
  commit_supersedes();
  while (Submission* one = batch_.submissions().pop_front()) commit_one(*one, now);
  forget_blames();
  commit_unheld(now);
  commit_claims(now);
  if (Submission* over = redrives_.commit(doors_, metrics_, now)) answer(*over, true);
  if (std::exchange(purging_, false)) commit_purge();
  if (std::exchange(looking_, false)) commit_look();
  if (held_check_.listing()) commit_held_check();
  batch_.clear();
  applying_ = false;
  if (end_probe()) {
    retry_timer_.cancel();
    set_status(true, true);
  } else if (!status_.up) {
    come_up();
  }
  if (!publish_timer_.armed()) publish_timer_.arm_after(kPublishEvery);
}

// Whether there was one in the batch.
bool OutboxFront::end_probe() {
  probe_value_ = {};
  probe_.value = {};
  return std::exchange(probing_, false);
}

// It commits; whether it has room for more, a probe tells at once.
void OutboxFront::come_up() {
  set_status(true, false);
  probe_due_ = !stopping_;
}

void OutboxFront::commit_one(Submission& one, WallTime now) {
  switch (one.kind()) {
    case Submission::Kind::kAppends:
      commit_appends(static_cast<AppendGroup&>(one), now);
      break;
    case Submission::Kind::kSettle:
      commit_settle(static_cast<SettleRequest&>(one), now);
      break;
    case Submission::Kind::kCancel: {
      const stage::Cancel& op = static_cast<CancelRequest&>(one).op;
      if (op.cancelled > 0) doors_.spill_ordered();
      if (op.in_flight == 0) break;
      for (OutboxPort* port : ports_) reply_to(*port).cancelled.push_back(op.id);
      break;
    }
    case Submission::Kind::kReview: {
      const stage::Review& op = static_cast<ReviewRequest&>(one).op;
      if (!op.changed || op.verb != stage::Review::Verb::kRedrive) break;
      metrics_.redrive(op.output, "operator");
      if (LaneDoor* door = doors_.find(op.output)) door->spill();
      break;
    }
    case Submission::Kind::kReschedule:
      commit_reschedule(static_cast<RescheduleRequest&>(one).op);
      break;
    case Submission::Kind::kAmend:
      commit_amend(static_cast<AmendRequest&>(one));
      break;
    case Submission::Kind::kRecord:
      break;
    case Submission::Kind::kMove: {
      const stage::Move& op = static_cast<MoveRequest&>(one).op;
      if (op.moved > 0 && !op.dead) doors_.move(op.from, op.to, op.moved);
      break;
    }
    default:
      TOCSIN_ASSERT(false, "a submission without operations is in a batch");
  }
  answer(one, true);
}

void OutboxFront::commit_appends(AppendGroup& group, WallTime now) {
  for (const AppendGroup::Item& item : group.items) {
    for (std::uint32_t i = 0; i < item.rows; ++i) commit_row(group, item, i, now);
    if (!item.supersede) continue;
    commit_supersede(*item.supersede);
    if (item.supersede->more) supersedes_.emplace_back(*item.supersede);
  }
}

// What is under way of the earlier ones: their lanes drop it unless it has begun.
void OutboxFront::commit_supersede(const stage::Supersede& op) {
  if (op.cancelled > 0) doors_.spill_ordered();
  for (const message::NotificationId id : op.in_flight) {
    for (OutboxPort* port : ports_) reply_to(*port).cancelled.push_back(id);
  }
}

void OutboxFront::commit_supersedes() {
  std::size_t left = std::exchange(supersedes_taken_, 0);
  for (; left > 0; --left) {
    SupersedeRest rest = std::move(supersedes_.front());
    supersedes_.pop_front();
    commit_supersede(rest.op);
    if (rest.op.more) supersedes_.push_back(std::move(rest));
  }
}

// What they cancelled was not told, so they are asked again; those whose appends were lost find
// nothing to do.
void OutboxFront::look_up_supersedes() {
  supersedes_taken_ = 0;
  for (Submission* one = batch_.submissions().first(); one != nullptr; one = one->next_) {
    if (one->kind() != Submission::Kind::kAppends) continue;
    for (AppendGroup::Item& item : static_cast<AppendGroup*>(one)->items) {
      if (!item.supersede) continue;
      supersedes_.emplace_back(*item.supersede);
      item.supersede.reset();
    }
  }
}

// Their doors look, and so learn when the next row is due.
void OutboxFront::commit_reschedule(const stage::Reschedule& op) {
  for (const std::string& output : op.outputs) {
    if (LaneDoor* door = doors_.find(output)) door->spill();
  }
}

void OutboxFront::commit_row(AppendGroup& group, const AppendGroup::Item& item,
                             std::uint32_t ordinal, WallTime now) {
  const stage::NewDelivery& row = group.rows[item.first_row + ordinal];
  LaneDoor& door = *group.doors[item.first_row + ordinal];
  const bool written = item.append.outcome == stage::Append::Outcome::kCommitted;
  const bool claimed = row.state == DeliveryState::kClaimed;
  // Claimed by an epoch that ended since, it was taken over: ready.
  const bool ours = claimed && batch_generation_ == status_.generation;
  if (claimed && !(written && ours)) door.give_back(row.queue, 1);
  if (written && !ours) door.on_ready(row.queue, row.next_at, now);
  if (written && ours) {
    held_check_.on_handed({item.append.id, ordinal});
    reply_to(door.home())
        .handed.push_back({&door,
                           item.message,
                           {item.append.id, ordinal},
                           row.address,
                           row.queue,
                           item.append.accepted_at,
                           row.next_at,
                           status_.generation});
  }
}

void OutboxFront::commit_settle(SettleRequest& one, WallTime now) {
  if (one.op.state == DeliveryState::kSending || one.op.state == DeliveryState::kClaimed) {
    // Of an epoch that ended since, it was taken over.
    if (batch_generation_ != status_.generation) one.op.changed = false;
    if (one.op.changed && !one.op.cancelled) return;  // it goes on, and keeps its credit
  }
  if (one.op.state == DeliveryState::kReady && one.op.changed && !one.op.cancelled) {
    one.door->on_ready(one.queue, one.op.next_at, now);
  }
  if (one.op.redrive_at && one.op.changed && !one.op.cancelled) {
    redrives_.expect(*one.op.redrive_at, now);
  }
  if (one.op.successor) commit_successor(one, now);
  if (one.holds_credit) one.door->give_back(one.queue, 1);
  if (one.op.freed) one.door->spill();
}

// Of a settlement that is tried again after a commit of unknown outcome nobody knows whether the
// successor is there already, so its lane looks.
void OutboxFront::commit_successor(const SettleRequest& one, WallTime now) {
  LaneDoor* door = doors_.find(one.op.successor->output);
  if (door == nullptr || one.op.cancelled) return;
  one.op.changed ? door->on_ready(one.queue, one.op.successor->next_at, now) : door->spill();
}

void OutboxFront::commit_claims(WallTime now) {
  if (batch_generation_ != status_.generation) return fail_claims();
  for (const auto& claim : batch_.claims()) {
    stage::Claim& op = claim->op;
    const auto got = static_cast<std::uint32_t>(op.claimed.size());
    claim->door->end_claim(claim->queue, op.limit, got, op.next_due, now);
    if (got == 0) continue;
    for (const stage::ClaimedDelivery& row : op.claimed) held_check_.on_handed(row.id);
    reply_to(claim->door->home())
        .claimed.push_back({claim->door, claim->queue, status_.generation, std::move(op.claimed)});
  }
}

void OutboxFront::commit_renewal() {
  mark_ = renew_.high_mark;
  status_.renewed_at = applied_at_;
  for (OutboxPort* port : ports_) reply_to(*port).status = status_;
  if (renew_.others > 0 && !look_timer_.armed()) look_timer_.arm_after(kLookEvery);
}

// The last one is the one that finds nobody left: whoever goes leaves a change.
void OutboxFront::commit_look() {
  if (look_.others > 0) look_timer_.arm_after(kLookEvery);
  if (look_.taken_over > 0) {
    metrics_.claims_taken.add(look_.taken_over);
    TOCSIN_LOG(log_, kWarning, "delivery", "took over what a dead gateway had claimed",
               {"deliveries", look_.taken_over});
  }
  if (look_.changed) doors_.refresh(look_.backlog);
}

void OutboxFront::commit_unheld(WallTime now) {
  for (const stage::Settle& op : unheld_) {
    const auto rows = held_check_.unheld();
    const auto row = std::ranges::find(rows, op.id, &stage::OwnedDelivery::id);
    if (row != rows.end() && op.changed) {
      metrics_.claims_released.add();
      TOCSIN_LOG(
          log_, kWarning, "delivery", "a delivery was claimed and in nobody's memory",
          {"delivery_id", op.id.text()}, {"output", row->output},
          {"state", message::state_name(op.cancelled ? DeliveryState::kCancelled : op.state)});
      if (op.state == DeliveryState::kReady && !op.cancelled) doors_.on_ready(*row, now);
      if (op.freed) doors_.spill_ordered();
    }
    held_check_.forget(op.id);
  }
  unheld_.clear();
}

void OutboxFront::commit_held_check() {
  const auto question = held_check_.on_listed(ports_.size());
  if (question) {
    for (OutboxPort* port : ports_) reply_to(*port).question = question;
  }
  held_check_timer_.arm_after(held_check_.complete() ? kHeldCheckEvery : kHeldCheckStep);
}

// Of a batch whose results are not known: the next check finds the same.
void OutboxFront::drop_held_check() {
  for (const stage::Settle& op : unheld_) held_check_.forget(op.id);
  unheld_.clear();
  if (!held_check_.listing()) return;
  held_check_.on_not_listed();
  held_check_timer_.arm_after(kHeldCheckEvery);
}

void OutboxFront::commit_purge() {
  metrics_.purged.add(purge_.deleted);
  // Past what may not go there is nothing to gain by haste.
  const bool hurry = purge_.oversize && purge_.deleted > 0;
  const Duration step = hurry ? kPurgeHurry : kPurgeStep;
  purge_timer_.arm_after(purge_.more ? step : kPurgeEvery);
}

void OutboxFront::forget_blames() {
  const auto end = blames_.begin() + static_cast<std::ptrdiff_t>(blames_taken_);
  for (auto one = blames_.begin(); one != end; ++one) {
    TOCSIN_LOG(log_, kWarning, "delivery", "a delivery was in its output's hands when it crashed",
               {"delivery_id", one->id.text()}, {"unsettled", one->changed});
  }
  blames_.erase(blames_.begin(), end);
  blames_taken_ = 0;
}

void OutboxFront::fail_batch(const Error& error) {
  metrics_.commits_failed.add();
  SubmissionList kept;
  while (Submission* one = batch_.submissions().pop_front()) {
    if (one->kind() == Submission::Kind::kSettle) {
      kept.push_back(*one);
    } else if (one->kind() == Submission::Kind::kAppends) {
      fail_appends(static_cast<AppendGroup&>(*one));
    } else {
      answer(*one, false);
    }
  }
  urgent_.prepend(std::move(kept));
  claims_held_ = !status_.accepting && !batch_.claims().empty();
  fail_claims();
  if (std::exchange(purging_, false)) purge_timer_.arm_after(kPurgeEvery);
  if (std::exchange(looking_, false)) look_timer_.arm_after(kLookEvery);
  redrives_.fail(clock_.now());
  (void)end_probe();
  drop_held_check();
  blames_taken_ = 0;
  supersedes_taken_ = 0;
  renewing_ = false;
  renew_due_ = true;
  batch_.clear();
  applying_ = false;
  if (status_.up) {
    TOCSIN_LOG(log_, kError, "delivery", "the store cannot commit", {"error", error.text()},
               {"accepting", false}, {"settling", batch_has_more_});
  }
  // With nothing but settlements it may still work, as on a full disk; else it is down.
  set_status(status_.up && batch_has_more_, false);
  refuse_waiting();
  retry_timer_.arm_after(kRetryEvery);
}

// It was not prepared: no row has a credit.
void OutboxFront::refuse(AppendGroup& group) {
  room_.release(group.items.size(), group.bytes);
  answer(group, false);
}

void OutboxFront::fail_appends(AppendGroup& group) {
  for (const AppendGroup::Item& item : group.items) {
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(item.append.deliveries.size()); ++i) {
      const stage::NewDelivery& row = item.append.deliveries[i];
      if (row.state != DeliveryState::kClaimed) continue;
      group.doors[item.first_row + i]->give_back(row.queue, 1);
    }
  }
  answer(group, false);
}

void OutboxFront::fail_claims() {
  metrics_.claims_failed.add(batch_.claims().size());
  for (const auto& claim : batch_.claims()) claim->door->fail_claim(claim->queue, claim->op.limit);
}

void OutboxFront::refuse_waiting() {
  while (Submission* one = appends_.pop_front()) refuse(static_cast<AppendGroup&>(*one));
  SubmissionList kept;
  while (Submission* one = urgent_.pop_front()) {
    if (takes(*one)) {
      kept.push_back(*one);
    } else {
      answer(*one, false);
    }
  }
  urgent_ = std::move(kept);
}

// Whoever asked must not wait for a store that may stay away: nothing is promised to them. What the
// batch did is found out all the same, and then delivered or forgotten.
void OutboxFront::answer_unknown() {
  SubmissionList kept;
  while (Submission* one = batch_.submissions().pop_front()) {
    if (one->kind() == Submission::Kind::kSettle) {
      kept.push_back(*one);
      continue;
    }
    if (one->kind() == Submission::Kind::kAppends) {
      auto* orphan = new OrphanedAppends(static_cast<AppendGroup&>(*one));  // until it is answered
      orphan->port_ = one->port_;
      kept.push_back(*orphan);
    }
    answer(*one, false);
  }
  batch_.submissions() = std::move(kept);
}

// True when the batch's outcome is known: it was then committed or failed as any other.
bool OutboxFront::resolve_unknown() {
  if (!store_open_) {
    auto state = storage_.open(clock_.now(), open_how_);
    if (!state) {
      TOCSIN_LOG(log_, kError, "delivery", "the store does not open",
                 {"error", state.error().text()});
      return false;
    }
    on_opened(*state);
  }
  const Result<bool> exists = batch_exists();
  if (!exists) {
    TOCSIN_LOG(log_, kError, "delivery", "the store does not answer",
               {"error", exists.error().text()});
    return false;
  }
  unknown_ = false;
  TOCSIN_LOG(log_, kWarning, "delivery", "the outcome of a commit was looked up",
             {"committed", *exists});
  if (*exists) {
    commit_batch();
  } else {
    release_claims();
    fail_batch({Code::kUnavailable, "the commit was lost", {}});
  }
  retry_timer_.cancel();
  if (!status_.accepting) come_up();
  return true;
}

// A batch is there whole or not at all, so that one notification or record of it tells. One with
// neither leaves no trace to ask for: it counts as failed, and settling again what was settled
// changes nothing.
Result<bool> OutboxFront::batch_exists() {
  stage::Query query{.what = stage::Query::What::kExists};
  for (Submission* one = batch_.submissions().first(); one != nullptr; one = one->next_) {
    if (one->kind() != Submission::Kind::kAppends) continue;
    for (const AppendGroup::Item& item : static_cast<AppendGroup*>(one)->items) {
      if (query.ids.size() < stage::kPageRowsMax) query.ids.push_back(item.append.id);
    }
  }
  TOCSIN_TRY_SET(records, records_exist());
  if (query.ids.empty()) return records;
  TOCSIN_TRY_SET(page, storage_.query(query));
  return records || !page.found.empty();
}

// Their results were lost with the answer, so each is looked up: a version is never given twice.
// What the batch put and removed again leaves no trace either.
Result<bool> OutboxFront::records_exist() {
  bool exist = false;
  for (Submission* one = batch_.submissions().first(); one != nullptr; one = one->next_) {
    if (one->kind() != Submission::Kind::kRecord) continue;
    stage::RecordChange& op = static_cast<RecordRequest*>(one)->op;
    TOCSIN_TRY_SET(record, storage_.get_record(op.collection, op.key, op.now));
    op.found = record ? record->version : stage::kNoVersion;
    op.changed = op.verb == stage::RecordChange::Verb::kPut ? op.found == op.version : !record;
    if (op.verb == stage::RecordChange::Verb::kPut && op.changed) exist = true;
  }
  return exist;
}

// Claims that count as failed but may be in the store would wait there for a lane that never heard
// of them. Releasing what was not claimed changes nothing.
void OutboxFront::release_claims() {
  for (const auto& claim : batch_.claims()) {
    for (const stage::ClaimedDelivery& row : claim->op.claimed) {
      auto* release = new ClaimRelease;  // until it is answered
      release->op.id = row.id;
      release->op.state = DeliveryState::kReady;
      release->op.attempts = row.attempts;
      release->op.crashes = row.crashes;
      release->place = row.next_at;
      release->door = claim->door;
      release->queue = claim->queue;
      release->generation = batch_generation_;
      release->port_ = &claim->door->home();
      urgent_.push_back(*release);
    }
  }
}

void OutboxFront::set_status(bool up, bool accepting) {
  status_.up = up;
  status_.accepting = accepting && !stopping_;
  metrics_.store_up.set(up ? 1 : 0);
  for (OutboxPort* port : ports_) reply_to(*port).status = status_;
}

void OutboxFront::answer(Submission& one, bool committed) {
  one.committed_ = committed;
  reply_to(*one.port_).answered.push_back(one);
}

Reply& OutboxFront::reply_to(OutboxPort& port) {
  if (!port.reply_) {
    port.reply_ = port.next_reply_ ? std::move(port.next_reply_) : std::make_unique<Reply>();
    replying_.push_back(&port);
  }
  return *port.reply_;
}

void OutboxFront::send_replies() {
  for (OutboxPort* port : replying_) {
    port->loop().post(
        [port, reply = std::move(port->reply_)]() mutable { port->receive(std::move(reply)); });
  }
  replying_.clear();
}

}  // namespace tocsin::delivery
