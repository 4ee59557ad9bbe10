// The life of the front and how it forms a batch. What a batch came to is in outbox_outcome.cc.
//
//   ports ---> door_requests_ --> served at once, between batches
//         ---> urgent_  ------+
//         ---> appends_ ------+--> batch_ --> Storage::apply --> replies, one a port
//   doors that want claims ---+
//
// The store is up and accepting; or, after a batch failed that held more than settlements, up only:
// settlements go on, and every kRetryEvery a probe is written, a record of the front's own that
// takes the room an append would; or down: every kRetryEvery the settlements that wait are tried,
// and once they are committed it is up. Only a probe that was committed makes it accepting again:
// nobody is told that all is well by way of trial.
#include "gateway/delivery/outbox_front.h"

#include "gateway/delivery/outbox_port.h"

namespace tocsin::delivery {

OutboxFront::OutboxFront(event::Loop& loop, stage::Storage& storage, telemetry::Metrics& metrics,
                         telemetry::Log& log, FrontOptions options)
    : loop_(loop),
      storage_(storage),
      log_(log),
      history_(options.history),
      fresh_secret_(options.fresh_secret),
      open_how_(options.open),
      metrics_(metrics),
      doors_(loop.timers(), metrics_,
             [this] {
               // A batch under way asks again when it ends.
               if (!applying_) loop_.at_tick_end(*this);
             }),
      clock_(loop.clock()),
      redrives_(loop.timers(), [this] { loop_.at_tick_end(*this); }),
      renew_timer_(loop.timers(),
                   [this] {
                     renew_due_ = true;
                     renew_timer_.arm_after(kRenewEvery);
                     loop_.at_tick_end(*this);
                   }),
      retry_timer_(loop.timers(),
                   [this] {
                     retry_due_ = true;
                     loop_.at_tick_end(*this);
                   }),
      purge_timer_(loop.timers(),
                   [this] {
                     purge_due_ = true;
                     loop_.at_tick_end(*this);
                   }),
      look_timer_(loop.timers(),
                  [this] {
                    look_due_ = true;
                    loop_.at_tick_end(*this);
                  }),
      held_check_timer_(loop.timers(),
                        [this] {
                          held_check_due_ = true;
                          loop_.at_tick_end(*this);
                        }),
      publish_timer_(loop.timers(), [this] { doors_.publish(); }) {
  for (const message::DeliveryId id : options.blamed) blames_.emplace_back().id = id;
}

OutboxFront::~OutboxFront() {
  loop_.cancel_tick_end(*this);
  if (store_open_) storage_.close();
}

Result<void> OutboxFront::open() {
  TOCSIN_TRY_SET(state, storage_.open(clock_.now(), open_how_));
  on_opened(state);
  TOCSIN_TRY(find_key_secret());
  status_.up = status_.accepting = true;
  metrics_.store_up.set(1);
  renew_timer_.arm_after(kRenewEvery);
  purge_timer_.arm_after(kPurgeEvery);
  held_check_timer_.arm_after(kHeldCheckEvery);
  loop_.at_tick_end(*this);
  return {};
}

void OutboxFront::on_opened(const stage::StoreState& state) {
  store_open_ = true;
  renew_due_ = true;
  status_.renewed_at = loop_.clock().mono();
  look_due_ = state.epoch == epoch_;  // what others did while it was closed
  if (state.epoch != epoch_) begin_epoch(state);
  metrics_.claims_taken.add(state.taken_over);
  TOCSIN_LOG(log_, kInfo, "delivery", "store opened", {"epoch", state.epoch}, {"node", state.node},
             {"taken_over", state.taken_over});
}

// What the epoch before had claimed is void: taken over by this one, or by others.
void OutboxFront::begin_epoch(const stage::StoreState& state) {
  epoch_ = state.epoch;
  const bool first = !ids_;
  const WallTime marked = IdClock::time_of(state.high_mark) - kMarkAhead;
  if (first) clock_ = StoreClock(loop_.clock(), state.high_mark ? marked : WallTime{});
  ids_.emplace(state.node, std::max(state.high_mark, newest_id_));
  mark_ = state.high_mark;
  ++status_.generation;
  held_check_.abandon();
  doors_.reset(state.backlog);
}

// Made by whoever opens the store first. Of two that do so at once one loses, and takes the
// other's.
Result<void> OutboxFront::find_key_secret() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    TOCSIN_TRY_SET(found, read_key_secret());
    if (found) {
      key_secret_ = *found;
      return {};
    }
    TOCSIN_TRY(keep_key_secret());
  }
  return fail(Code::kInternal, "the store does not keep what it was given");
}

Result<std::optional<KeySecret>> OutboxFront::read_key_secret() {
  TOCSIN_TRY_SET(record, storage_.get_record(kOwnCollection, kKeySecretKey, clock_.now()));
  if (!record) return std::nullopt;
  const std::optional<KeySecret> secret = decode_key_secret(record->value);
  if (!secret) return fail(Code::kInvalid, "the store's secret for idempotency keys is damaged");
  return secret;
}

// Nobody runs the loop yet, so a storage that does not block is waited for here.
Result<void> OutboxFront::keep_key_secret() {
  const WallTime now = clock_.now();
  const std::string value = encode(fresh_secret_);
  stage::RecordChange put;
  put.collection = kOwnCollection;
  put.key = kKeySecretKey;
  put.value = value;
  put.if_version = stage::kNoVersion;
  newest_id_ = ids_->next(now);
  put.version = newest_id_.value;
  put.now = now;
  renew_.at = now;
  renew_.high_mark = ids_->mark(now, kMarkAhead);
  stage::Operation* const batch[] = {&renew_, &put};
  std::optional<stage::Applied> applied;
  storage_.apply(batch, [&](stage::Applied outcome) { applied = std::move(outcome); });
  while (!applied) loop_.run_ready();
  if (applied->kind != stage::Applied::Kind::kCommitted) return tl::unexpected(applied->error);
  mark_ = renew_.high_mark;
  return {};
}

StoreStatus OutboxFront::attach(OutboxPort& port) {
  ports_.push_back(&port);
  return status_;
}

void OutboxFront::stop(Function<void()> done) {
  loop_.assert_owner();
  TOCSIN_ASSERT(!stopping_, "the outbox front was stopped twice");
  stopping_ = true;
  on_stopped_ = std::move(done);
  set_status(status_.up, false);
  loop_.at_tick_end(*this);
}

void OutboxFront::set_history(const HistoryLimits& limits) {
  if (limits == history_) return;
  history_ = limits;
  purge_due_ = true;
  loop_.at_tick_end(*this);
}

void OutboxFront::receive(SubmissionList& list) {
  while (Submission* one = list.pop_front()) accept(*one);
  loop_.at_tick_end(*this);
}

void OutboxFront::accept(Submission& one) {
  switch (one.kind()) {
    case Submission::Kind::kAppends:
      if (status_.accepting) return appends_.push_back(one);
      return refuse(static_cast<AppendGroup&>(one));
    case Submission::Kind::kSettle:
    case Submission::Kind::kCancel:
    case Submission::Kind::kReview:
    case Submission::Kind::kRecord:
    case Submission::Kind::kMove:
    case Submission::Kind::kReschedule:
    case Submission::Kind::kAmend:
      if (takes(one) && !stopped_) return urgent_.push_back(one);
      break;
    case Submission::Kind::kOpenLane:
    case Submission::Kind::kResizeLane:
    case Submission::Kind::kCloseLane:
      return door_requests_.push_back(one);
    case Submission::Kind::kRecovered:
      if (stopped_) break;
      return redrives_.on_recovered(static_cast<DoorRequest&>(one).door.output(), one);
    case Submission::Kind::kProbe: {
      const LaneDoor& door = static_cast<DoorRequest&>(one).door;
      if (!door.expects(clock_.now() + Redrives::kProbePatience)) redrives_.on_probe(door.output());
      return answer(one, true);
    }
    case Submission::Kind::kHeld:
      held_check_.on_answer(static_cast<HeldAnswer&>(one));
      return answer(one, true);
  }
  answer(one, false);
}

// Settlements wait for the store; what is new needs room on its disk as well.
bool OutboxFront::takes(const Submission& one) const {
  if (one.kind() == Submission::Kind::kSettle) return true;
  return one.kind() == Submission::Kind::kRecord ? status_.accepting : status_.up;
}

void OutboxFront::on_tick_end() {
  if (!applying_) serve_doors();
  if (ready_for_batch()) {
    form_batch();
    if (!batch_.empty()) {
      applying_ = true;
      applied_at_ = loop_.clock().mono();
      batch_generation_ = status_.generation;
      storage_.apply(batch_.operations(),
                     [this](const stage::Applied& applied) { on_applied(applied); });
    } else if (stopping_) {
      finish_stop();
    }
  }
  send_replies();
}

// A door moves between two batches, so that what was handed over before and after it closed is
// clear.
void OutboxFront::serve_doors() {
  while (Submission* one = door_requests_.pop_front()) {
    const auto& request = static_cast<DoorRequest&>(*one);
    switch (one->kind()) {
      case Submission::Kind::kOpenLane:
        request.door.halt(request.halted);
        doors_.open(request.door);
        break;
      case Submission::Kind::kResizeLane:
        request.door.halt(request.halted);
        request.door.resize(request.capacity);
        break;
      default:
        if (Submission* left = redrives_.abandon(request.door.output())) answer(*left, false);
        doors_.close(request.door);
        break;
    }
    answer(*one, true);
  }
}

bool OutboxFront::ready_for_batch() {
  const bool retry = std::exchange(retry_due_, false);
  if (stopped_) return false;
  if (unknown_ && stopping_) {
    unknown_ = false;
    fail_batch({Code::kUnavailable, "the gateway ends before the store tells", {}});
  }
  if (unknown_) {
    if (retry && !resolve_unknown()) retry_timer_.arm_after(kRetryEvery);
    if (!unknown_) wake();
    return false;
  }
  if (applying_) return false;
  if (status_.up) {
    if (retry && !status_.accepting && !stopping_) probe_due_ = true;
    return true;
  }
  if (stopping_) finish_stop();
  if (retry) renew_due_ = true;
  return retry && !stopped_;
}

void OutboxFront::form_batch() {
  const WallTime now = clock_.now();
  batch_has_more_ = false;
  take_blames();
  take_supersedes(now);
  take_urgent(now);
  if (status_.up && status_.accepting) take_unheld(now);
  // What waits was taken when appends were still welcome.
  if (status_.up) take_appends(now);
  if (status_.up && blames_taken_ == blames_.size()) {
    if (status_.accepting && redrives_.take(batch_, now)) batch_has_more_ = true;
    if (may_claim()) take_claims(now);
    if (status_.accepting) {
      take_purge(now);
      take_look(now);
      take_held_check();
    }
  }
  if (status_.up) take_probe(now);
  take_renewal(now);
}

void OutboxFront::take_blames() {
  while (blames_taken_ < blames_.size() && batch_.has_room()) {
    batch_.add(blames_[blames_taken_++]);
  }
}

// One step each of those that were more than one could cancel.
void OutboxFront::take_supersedes(WallTime now) {
  if (!status_.up || !status_.accepting) return;
  for (SupersedeRest& rest : supersedes_) {
    if (!batch_.has_room()) return;
    rest.op.caller = rest.caller;
    rest.op.group_key = rest.group_key;
    rest.op.at = now;
    batch_.add(rest.op);
    ++supersedes_taken_;
    batch_has_more_ = true;
  }
}

void OutboxFront::take_urgent(WallTime now) {
  const bool share = status_.up && !appends_.empty();
  while ((share ? batch_.has_room_before_appends() : batch_.has_room()) && !urgent_.empty()) {
    Submission& one = *urgent_.pop_front();
    switch (one.kind()) {
      case Submission::Kind::kSettle:
        take_settle(static_cast<SettleRequest&>(one), now);
        break;
      case Submission::Kind::kCancel: {
        auto& request = static_cast<CancelRequest&>(one);
        request.op.at = now;
        batch_.add(request);
        batch_has_more_ = true;
        break;
      }
      case Submission::Kind::kReview: {
        auto& request = static_cast<ReviewRequest&>(one);
        request.op.at = now;
        batch_.add(request);
        batch_has_more_ = true;
        break;
      }
      case Submission::Kind::kReschedule: {
        auto& request = static_cast<RescheduleRequest&>(one);
        request.op.at = now;
        request.op.next_at = clock_.from_wall(request.deliver_at);
        batch_.add(request);
        batch_has_more_ = true;
        break;
      }
      case Submission::Kind::kAmend:
        take_amend(static_cast<AmendRequest&>(one), now);
        break;
      case Submission::Kind::kRecord:
        take_record(static_cast<RecordRequest&>(one), now);
        break;
      case Submission::Kind::kMove:
        batch_.add(static_cast<MoveRequest&>(one));
        batch_has_more_ = true;
        break;
      default:
        TOCSIN_ASSERT(false, "a submission waits in the wrong queue");
    }
  }
}

void OutboxFront::take_settle(SettleRequest& one, WallTime now) {
  one.op.changed = one.op.cancelled = false;
  if (one.generation != status_.generation) {
    // Our epoch has changed since: the row was taken over and is not ours any more.
    if (one.holds_credit) one.door->give_back(one.queue, 1);
    answer(one, true);
    return;
  }
  one.op.at = now;
  one.op.redrive_at.reset();
  if (one.op.state == message::DeliveryState::kDead && one.redrive_wait > Duration::zero()) {
    one.op.redrive_at = now + one.redrive_wait;
  }
  one.op.next_at = WallTime{};
  if (one.op.state == message::DeliveryState::kReady) {
    // What is only given back goes before what came after it.
    const bool given_back = one.wait == Duration::zero();
    one.op.next_at = given_back ? std::min(one.place, now) : now + one.wait;
  }
  one.op.reason = one.reason;
  one.op.provider_id = one.provider_id;
  one.op.in_line = one.in_line;
  one.op.successor.reset();
  if (!one.successor_output.empty()) {
    one.op.successor = {.output = one.successor_output,
                        .address = one.successor_address,
                        .state = message::DeliveryState::kReady,
                        .next_at = now,
                        .queue = one.queue,
                        .mirror = one.successor_is_mirror};
    const LaneDoor* door = doors_.find(one.successor_output);
    if (door != nullptr && door->ordered()) one.op.successor->ordering = stage::Ordering::kJoin;
  }
  batch_.add(one);
}

// Versions are ids: ascending over all lives of the store, so that none is ever seen again.
void OutboxFront::take_record(RecordRequest& one, WallTime now) {
  newest_id_ = ids_->next(now);
  one.op.version = newest_id_.value;
  one.op.collection = one.collection;
  one.op.key = one.key;
  one.op.value = one.value;
  one.op.now = now;
  one.op.expires_at.reset();
  if (one.ttl > Duration::zero()) one.op.expires_at = now + one.ttl;
  batch_.add(one);
  batch_has_more_ = true;
}

void OutboxFront::take_appends(WallTime now) {
  while (!appends_.empty()) {
    auto& group = static_cast<AppendGroup&>(*appends_.first());
    if (!batch_.has_room() || !batch_.has_room_for(group)) return;
    appends_.pop_front();
    room_.release(group.items.size(), group.bytes);
    prepare(group, now);
    batch_.add(group);
    batch_has_more_ = true;
  }
}

namespace {

// Who is first in its line the store knows, so that what is ordered goes through it.
stage::Ordering ordering_of(const AppendGroup::Item& item, const LaneDoor& door, bool waits) {
  if (!door.ordered() || item.append.group_key.empty()) return stage::Ordering::kNone;
  return waits ? stage::Ordering::kWhenDue : stage::Ordering::kJoin;
}

}  // namespace

// Here ids are given and it is decided which row goes to its lane from memory.
void OutboxFront::prepare(AppendGroup& group, WallTime now) {
  const WallTime wall = loop_.wall();
  for (AppendGroup::Item& item : group.items) {
    item.append.id = newest_id_ = ids_->next(now);
    for (std::uint32_t i = 0; i < item.rows; ++i) {
      stage::NewDelivery& row = group.rows[item.first_row + i];
      const bool waits = row.next_at > wall;
      row.next_at = waits ? clock_.from_wall(row.next_at) : now;
      row.ordering = ordering_of(item, *group.doors[item.first_row + i], waits);
      const bool at_once = !waits && row.ordering == stage::Ordering::kNone;
      const bool direct = at_once && group.doors[item.first_row + i]->admit(row.queue);
      row.state = direct ? message::DeliveryState::kClaimed : message::DeliveryState::kReady;
    }
    item.append.deliveries = {group.rows.data() + item.first_row, item.rows};
    if (item.supersede) {
      item.supersede->id = item.append.id;
      item.supersede->at = now;
    }
  }
}

// On a full disk what was accepted is still delivered. A probe goes alone: what it writes has no
// room there, and would take the claims with it.
bool OutboxFront::may_claim() const {
  return status_.accepting || (!stopping_ && !probe_due_ && !claims_held_);
}

void OutboxFront::take_claims(WallTime now) {
  // Those without credits are asked again when some come back.
  while (doors_.wants_claim()) {
    Batch::ClaimOf* claim = batch_.add_claim();
    if (claim == nullptr) return;
    const auto [door, queue] = doors_.take_claimable();
    const std::uint32_t rows = door->begin_claim(queue);
    if (rows == 0) {
      batch_.drop_claim();
      continue;
    }
    claim->door = door;
    claim->queue = queue;
    claim->op.output = door->output();
    claim->op.queue = queue;
    claim->op.limit = rows;
    claim->op.now = now;
    batch_has_more_ = true;
  }
}

void OutboxFront::take_purge(WallTime now) {
  if (!purge_due_) return;
  purge_due_ = false;
  purging_ = true;
  purge_.before = now - history_.keep;
  purge_.now = now;
  purge_.size_max = history_.size_max;
  batch_.add(purge_);
  batch_has_more_ = true;
}

// Behind the claims, so that the backlog it tells is the one they leave.
void OutboxFront::take_look(WallTime now) {
  if (!std::exchange(look_due_, false)) return;
  looking_ = true;
  look_.now = now;
  batch_.add(look_);
  batch_has_more_ = true;
}

// Behind every settlement that was asked for before a loop said it does not hold the row, and
// before the claims that may give it to a lane again. What is released twice, or was settled,
// changes nothing.
void OutboxFront::take_unheld(WallTime now) {
  if (!urgent_.empty() || !batch_.has_room()) return;
  const std::size_t room = Batch::kOperationsMax - batch_.operations().size();
  for (const stage::OwnedDelivery& row : held_check_.unheld()) {
    if (unheld_.size() == room) break;
    const bool sending = row.state == message::DeliveryState::kSending;
    stage::Settle& op = unheld_.emplace_back();
    op.id = row.id;
    op.state = sending ? message::DeliveryState::kDead : message::DeliveryState::kReady;
    op.reason = sending ? "ambiguous" : "";
    op.attempts = row.attempts;
    op.crashes = row.crashes;
    op.at = now;
    op.in_line = true;  // for all that is known here; the store looks
    if (!sending) op.next_at = now;
  }
  for (stage::Settle& op : unheld_) batch_.add(op);
  if (!unheld_.empty()) batch_has_more_ = true;
}

// Last, so that it lists what the batch's claims and appends leave.
void OutboxFront::take_held_check() {
  if (!held_check_due_ || !held_check_.idle() || stopping_) return;
  held_check_due_ = false;
  batch_.add(held_check_.list());
  batch_has_more_ = true;
}

// It is gone with the next purge.
void OutboxFront::take_probe(WallTime now) {
  if (!std::exchange(probe_due_, false)) return;
  probing_ = true;
  newest_id_ = ids_->next(now);
  probe_value_.assign(kProbeBytes, '.');
  probe_.collection = kOwnCollection;
  probe_.key = kProbeKey;
  probe_.value = probe_value_;
  probe_.version = newest_id_.value;
  probe_.now = now;
  probe_.expires_at = now;
  batch_.add(probe_);
  batch_has_more_ = true;
}

// Also when the batch gave ids beyond the mark: they are committed together or not at all.
void OutboxFront::take_renewal(WallTime now) {
  if (!renew_due_ && newest_id_ <= mark_) return;
  renew_due_ = false;
  renewing_ = true;
  renew_.at = now;
  renew_.high_mark = ids_->mark(now, kMarkAhead);
  batch_.add_first(renew_);
}

// Through the queue of posted tasks, behind what other loops posted while the batch was applied.
void OutboxFront::wake() {
  loop_.post([this] { loop_.at_tick_end(*this); });
}

void OutboxFront::finish_stop() {
  stopped_ = true;
  refuse_waiting();
  while (Submission* one = urgent_.pop_front()) answer(*one, false);
  renew_timer_.cancel();
  retry_timer_.cancel();
  purge_timer_.cancel();
  SubmissionList unfinished = redrives_.cancel();
  while (Submission* one = unfinished.pop_front()) answer(*one, false);
  look_timer_.cancel();
  held_check_timer_.cancel();
  publish_timer_.cancel();
  if (std::exchange(store_open_, false)) storage_.close();
  set_status(false, false);
  send_replies();
  if (on_stopped_) std::exchange(on_stopped_, nullptr)();
}

}  // namespace tocsin::delivery
