#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gateway/delivery/idempotency.h"
#include "gateway/delivery/outbox_front.h"
#include "gateway/message/delivery.h"
#include "gateway/stage/storage.h"
#include "tests/unit/delivery/fake_amend.h"
#include "tests/unit/delivery/fake_keys.h"
#include "tests/unit/delivery/fake_lines.h"
#include "tests/unit/delivery/fake_records.h"
#include "tests/unit/delivery/fake_row.h"
#include "tests/unit/delivery/fake_time.h"

namespace tocsin::delivery::testing {

using message::DeliveryEvent;
using stage::Applied;

/// A storage in memory that keeps every promise of stage/storage.h, and breaks commits when a test
/// asks for it. What it holds outlives close() and open(), as a disk does; open() takes over
/// whatever the epoch before left, unless that goes on after a commit of unknown outcome. It has
/// been opened before, in that it has a secret for keys. Any thread.
class FakeStorage final : public stage::Storage {
 public:
  using Row = FakeRow;
  /// What a row takes of Purge::size_max.
  static constexpr std::uint64_t kRowBytes = 100;

  enum class Next : std::uint8_t {
    kCommit,
    kFail,         ///< nothing is written, and the host is told
    kUnknownDone,  ///< written, but nobody knows
    kUnknownLost,  ///< not written, and nobody knows
  };

  FakeStorage() { set_record(kOwnCollection, kKeySecretKey, encode(KeySecret{})); }

  // ---- what a test looks at and asks for

  /// How the next commits end; then they succeed, or fail while `down`.
  void end_next(std::initializer_list<Next> ends) {
    const std::lock_guard lock(mutex_);
    next_.insert(next_.end(), ends);
  }
  void set_down(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
  }
  /// Fails batches that hold more than settlements and renewals, as a full disk does.
  void set_full(bool full) {
    const std::lock_guard lock(mutex_);
    full_ = full;
  }
  /// Batches wait for finish(), as an asynchronous storage's do.
  void set_held(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
  }
  /// The epoch ends even when the outcome of a commit is unknown.
  void set_forgetful(bool forgetful) {
    const std::lock_guard lock(mutex_);
    forgetful_ = forgetful;
  }
  bool has_batch() {
    const std::lock_guard lock(mutex_);
    return static_cast<bool>(done_);
  }
  void finish() {
    Function<void(Applied)> done;
    Applied applied;
    {
      const std::lock_guard lock(mutex_);
      applied = end_batch(waiting_);
      done = std::move(done_);
    }
    done(applied);
  }

  std::map<message::DeliveryId, Row> rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }
  Row row(message::DeliveryId id) {
    const std::lock_guard lock(mutex_);
    return rows_.at(id);
  }
  std::size_t count(DeliveryState state) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(rows_, [&](const auto& one) { return one.second.state == state; }));
  }
  std::size_t notifications() {
    const std::lock_guard lock(mutex_);
    return notes_.size();
  }
  /// The kinds of operations of each committed batch.
  std::vector<std::vector<stage::OperationKind>> batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }
  std::uint64_t claims() {
    const std::lock_guard lock(mutex_);
    return claims_;
  }
  /// Changes a row behind the gateway's back.
  template <typename Change>
  void meddle(message::DeliveryId id, Change&& change) {
    const std::lock_guard lock(mutex_);
    move(id, rows_.at(id), change);
    meddled_ = true;
  }
  /// How many other gateways live on the store.
  void set_others(std::uint32_t others) {
    const std::lock_guard lock(mutex_);
    others_ = others;
  }
  void set_payload(message::NotificationId id, std::string payload) {
    const std::lock_guard lock(mutex_);
    notes_.at(id).payload = std::move(payload);
  }
  /// Behind the gateway's back.
  void set_record(std::string_view collection, std::string_view key, std::string value) {
    const std::lock_guard lock(mutex_);
    records_.set(collection, key, std::move(value));
  }
  void forget_records() {
    const std::lock_guard lock(mutex_);
    records_.clear();
  }
  bool is_open() {
    const std::lock_guard lock(mutex_);
    return open_;
  }

  // ---- stage::Storage

  bool blocking() const override { return true; }

  Result<stage::StoreState> open(WallTime now, const stage::OpenOptions&) override {
    const std::lock_guard lock(mutex_);
    if (down_) return fail(Code::kIo, "the disk is gone");
    TOCSIN_ASSERT(!open_, "opened twice");
    open_ = true;
    stage::StoreState state;
    const bool goes_on = std::exchange(unknown_, false) && !forgetful_;
    state.epoch = goes_on ? epoch_ : ++epoch_;
    state.node = 7;
    state.high_mark = high_mark_;
    if (!notes_.empty()) state.high_mark = std::max(state.high_mark, notes_.rbegin()->first);
    for (auto& [id, row] : rows_) {
      if (row.owner == 0 || goes_on) continue;
      move(id, row, [&](Row& r) { take_over(r, now); });
      ++state.taken_over;
    }
    state.backlog = count_backlog(rows_);
    return state;
  }

  void apply(std::span<stage::Operation* const> batch, Function<void(Applied)> done) override {
    Applied applied;
    {
      const std::lock_guard lock(mutex_);
      TOCSIN_ASSERT(open_ && !done_, "a batch came too many");
      if (held_) {
        waiting_.assign(batch.begin(), batch.end());
        done_ = std::move(done);
        return;
      }
      applied = end_batch(batch);
    }
    done(applied);
  }

  Result<stage::QueryResult> query(const stage::Query& query) override {
    const std::lock_guard lock(mutex_);
    if (down_) return fail(Code::kUnavailable, "the disk is gone");
    stage::QueryResult result;
    if (query.what == stage::Query::What::kExists) {
      for (const message::NotificationId id : query.ids) {
        if (keys_.knows(id) || notes_.contains(id)) result.found.push_back(id);
      }
    }
    if (query.what == stage::Query::What::kBacklog) result.backlog = count_backlog(rows_);
    if (query.what == stage::Query::What::kHealth) result.health.size_bytes = 4096;
    if (query.what == stage::Query::What::kNotification) find_one(query.id, result);
    return result;
  }

  Result<std::optional<stage::Record>> get_record(std::string_view collection, std::string_view key,
                                                  WallTime now) override {
    const std::lock_guard lock(mutex_);
    if (down_) return fail(Code::kUnavailable, "the disk is gone");
    return records_.get(collection, key, now);
  }
  Result<stage::RecordPage> scan_records(const stage::RecordScan& scan, WallTime now) override {
    const std::lock_guard lock(mutex_);
    if (down_) return fail(Code::kUnavailable, "the disk is gone");
    return records_.scan(scan, now);
  }

  void close() override {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  friend struct FakeTime;
  friend struct FakeAmend;
  struct Note {
    std::string input;
    std::string caller;
    std::string payload;
    message::Level level = message::Level::kInfo;
    WallTime accepted_at{};
    std::optional<WallTime> expires_at;
    std::uint32_t deliveries = 0;
  };
  using Ready = std::tuple<std::string, message::DeliveryClass, WallTime, message::DeliveryId>;

  static Ready place(message::DeliveryId id, const Row& row) {
    return {row.output, row.queue, row.next_at, id};
  }
  template <typename Change>
  void move(message::DeliveryId id, Row& row, Change&& change) {
    if (row.state == DeliveryState::kReady) ready_.erase(place(id, row));
    change(row);
    if (row.state == DeliveryState::kReady) ready_.insert(place(id, row));
  }
  void enter(Row& row, DeliveryEvent event, WallTime at) {
    const auto next = message::next_state(row.state, event);
    TOCSIN_ASSERT(next, "a transition that must not happen");
    row.state = *next;
    row.updated_at = at;
    const bool ours = row.state == DeliveryState::kClaimed || row.state == DeliveryState::kSending;
    row.owner = ours ? epoch_ : 0;
  }
  void take_over(Row& row, WallTime now) {
    enter(row, DeliveryEvent::kTakeOver, now);
    if (row.state == DeliveryState::kDead) row.reason = "ambiguous";
    row.owner = 0;
  }

  Applied end_batch(std::span<stage::Operation* const> batch) {
    Next next = down_ ? Next::kFail : Next::kCommit;
    const bool more = std::ranges::any_of(batch, [](const stage::Operation* op) {
      return op->kind != stage::OperationKind::kSettle && op->kind != stage::OperationKind::kRenew;
    });
    if (full_ && more) next = Next::kFail;
    if (!next_.empty()) {
      next = next_.front();
      next_.pop_front();
    }
    if (next == Next::kCommit || next == Next::kUnknownDone) run(batch);
    if (next == Next::kCommit) return {};
    if (next == Next::kFail) return {Applied::Kind::kFailed, {Code::kIo, "the commit failed", {}}};
    unknown_ = true;
    return {Applied::Kind::kUnknown, {Code::kIo, "the commit's answer was lost", {}}};
  }

  void run(std::span<stage::Operation* const> batch) {
    std::vector<stage::OperationKind>& kinds = batches_.emplace_back();
    for (stage::Operation* op : batch) {
      kinds.push_back(op->kind);
      switch (op->kind) {
        case stage::OperationKind::kRenew:
          high_mark_ = static_cast<stage::Renew*>(op)->high_mark;
          static_cast<stage::Renew*>(op)->others = others_;
          break;
        case stage::OperationKind::kSettle:
          settle(*static_cast<stage::Settle*>(op));
          break;
        case stage::OperationKind::kCancel:
          cancel(*static_cast<stage::Cancel*>(op));
          break;
        case stage::OperationKind::kReview:
          review(*static_cast<stage::Review*>(op));
          break;
        case stage::OperationKind::kBlame:
          blame(*static_cast<stage::Blame*>(op));
          break;
        case stage::OperationKind::kAppend:
          append(*static_cast<stage::Append*>(op));
          break;
        case stage::OperationKind::kClaim:
          claim(*static_cast<stage::Claim*>(op));
          break;
        case stage::OperationKind::kPurge:
          purge(*static_cast<stage::Purge*>(op));
          break;
        case stage::OperationKind::kRecord:
          records_.change(*static_cast<stage::RecordChange*>(op));
          break;
        case stage::OperationKind::kMove:
          move_rows(*static_cast<stage::Move*>(op));
          break;
        case stage::OperationKind::kLook:
          look(*static_cast<stage::Look*>(op));
          break;
        case stage::OperationKind::kSupersede:
          FakeTime::supersede(*this, *static_cast<stage::Supersede*>(op));
          break;
        case stage::OperationKind::kReschedule:
          FakeTime::reschedule(*this, *static_cast<stage::Reschedule*>(op));
          break;
        case stage::OperationKind::kRedriveDue:
          FakeTime::redrive_due(*this, *static_cast<stage::RedriveDue*>(op));
          break;
        case stage::OperationKind::kAmend:
          FakeAmend::apply(*this, *static_cast<stage::Amend*>(op));
          break;
        case stage::OperationKind::kOwned:
          list_owned(rows_, epoch_, *static_cast<stage::Owned*>(op));
          break;
      }
    }
  }

  void append(stage::Append& op) {
    op.outcome = stage::Append::Outcome::kCommitted;
    if (keys_.answered_before(op) || op.deliveries.empty()) return;
    const auto [at, added] = notes_.try_emplace(
        op.id,
        Note{std::string(op.input), std::string(op.caller), std::string(op.payload), op.level,
             op.accepted_at, op.expires_at, static_cast<std::uint32_t>(op.deliveries.size())});
    TOCSIN_ASSERT(added, "an id was given twice");
    for (std::uint32_t i = 0; i < op.deliveries.size(); ++i) {
      const stage::NewDelivery& made = op.deliveries[i];
      Row row;
      row.output = made.output;
      row.address = made.address;
      row.group_key = op.group_key;
      row.ordering = made.ordering;
      row.queue = made.queue;
      row.state = made.state;
      row.owner = made.state == DeliveryState::kClaimed ? epoch_ : 0;
      row.next_at = made.next_at;
      const message::DeliveryId id{op.id, i};
      if (row.state == DeliveryState::kReady) ready_.insert(place(id, row));
      rows_.emplace(id, std::move(row));
    }
  }

  void claim(stage::Claim& op) {
    ++claims_;
    const std::string output(op.output);
    const auto first = [&] {
      return ready_.lower_bound(Ready{output, op.queue, WallTime::min(), {}});
    };
    const auto mine = [&](const Ready& one) {
      return std::get<0>(one) == output && std::get<1>(one) == op.queue;
    };
    op.claimed.clear();
    std::vector<message::DeliveryId> found;
    for (auto at = first(); at != ready_.end() && mine(*at) && found.size() < op.limit; ++at) {
      if (std::get<2>(*at) > op.now) break;
      if (FakeLines::lets(rows_, std::get<3>(*at))) found.push_back(std::get<3>(*at));
    }
    for (const message::DeliveryId id : found) {
      Row& row = rows_.at(id);
      const Note& note = notes_.at(id.notification);
      op.claimed.push_back({id, row.address, row.attempts, row.crashes, row.next_at, note.payload,
                            note.accepted_at, note.expires_at,
                            row.review == message::ReviewState::kApproved, row.redrives, row.mirror,
                            row.ordering == stage::Ordering::kJoin});
      move(id, row, [&](Row& r) { enter(r, DeliveryEvent::kClaim, op.now); });
    }
    op.next_due.reset();
    for (auto left = first(); left != ready_.end() && mine(*left); ++left) {
      if (FakeLines::behind(rows_, std::get<3>(*left))) continue;
      op.next_due = std::get<2>(*left);
      break;
    }
  }

  static DeliveryEvent event_of(const stage::Settle& op) {
    switch (op.state) {
      case DeliveryState::kReady:
        return DeliveryEvent::kReschedule;
      case DeliveryState::kClaimed:
        return DeliveryEvent::kKeep;
      case DeliveryState::kSending:
        return DeliveryEvent::kMarkSending;
      case DeliveryState::kDelivered:
        return DeliveryEvent::kDeliver;
      case DeliveryState::kDead:
        return DeliveryEvent::kDie;
      case DeliveryState::kCancelled:
        return DeliveryEvent::kCancel;
      case DeliveryState::kFellBack:
        return DeliveryEvent::kFallBack;
      default:
        TOCSIN_ASSERT(false, "a settlement into no such state");
    }
  }

  void settle(stage::Settle& op) {
    op.changed = op.cancelled = false;
    const auto at = rows_.find(op.id);
    if (at == rows_.end() || at->second.owner != epoch_) return;
    move(op.id, at->second, [&](Row& row) {
      if (row.cancel_requested && op.state != DeliveryState::kDelivered) {
        enter(row, DeliveryEvent::kCancel, op.at);
        op.cancelled = true;
        return;
      }
      enter(row, event_of(op), op.at);
      if (row.state == DeliveryState::kDead) row.review = message::ReviewState::kPending;
      row.redrive_at = op.redrive_at;
      row.attempts = op.attempts;
      row.crashes = op.crashes;
      row.reason = op.reason;
      row.provider_id = op.provider_id;
      if (op.state == DeliveryState::kReady) row.next_at = op.next_at;
      if (op.state == DeliveryState::kDead) row.next_at = op.at;
      op.changed = true;
    });
    if (op.changed && op.successor) add_successor(op);
    op.freed = at->second.state > DeliveryState::kSending && at->second.in_line();
  }

  void add_successor(stage::Settle& op) {
    Row row;
    row.output = op.successor->output;
    row.address = op.successor->address;
    row.queue = rows_.at(op.id).queue;
    row.next_at = op.successor->next_at;
    row.mirror = op.successor->mirror || rows_.at(op.id).mirror;
    row.updated_at = op.at;
    op.successor_ordinal =
        std::prev(rows_.lower_bound({{op.id.notification.value + 1}, 0}))->first.ordinal + 1;
    const message::DeliveryId id{op.id.notification, op.successor_ordinal};
    ready_.insert(place(id, row));
    rows_.emplace(id, std::move(row));
  }

  void cancel(stage::Cancel& op) {
    op.found = false;
    op.cancelled = op.in_flight = op.done = 0;
    const auto note = notes_.find(op.id);
    if (note == notes_.end() || note->second.caller != op.caller) return;
    op.found = true;
    for (auto at = rows_.lower_bound({op.id, 0}); at != rows_.end(); ++at) {
      if (at->first.notification != op.id) break;
      Row& row = at->second;
      if (row.state == DeliveryState::kReady) {
        move(at->first, row, [&](Row& r) { enter(r, DeliveryEvent::kCancel, op.at); });
        ++op.cancelled;
      } else if (row.owner != 0) {
        row.cancel_requested = true;
        ++op.in_flight;
      } else {
        ++op.done;
      }
    }
  }

  void blame(stage::Blame& op) {
    const auto at = rows_.find(op.id);
    op.changed = at != rows_.end() && at->second.state <= DeliveryState::kSending;
    if (op.changed) ++at->second.crashes;
  }

  void review(stage::Review& op) {
    op.changed = false;
    const auto at = rows_.find(op.id);
    if (at == rows_.end() || at->second.state != DeliveryState::kDead) return;
    op.changed = true;
    Row& row = at->second;
    if (op.verb == stage::Review::Verb::kRedrive) {
      op.output = row.output;
      move(op.id, row, [&](Row& r) {
        enter(r, DeliveryEvent::kRedrive, op.at);
        r.attempts = 0;
        r.review = message::ReviewState::kApproved;
        r.next_at = op.at;
        r.cancel_requested = false;
        r.redrive_at.reset();
        r.redrives = 0;
        r.ordering = stage::Ordering::kNone;
      });
    } else {
      row.review = op.verb == stage::Review::Verb::kApprove ? message::ReviewState::kApproved
                                                            : message::ReviewState::kDiscarded;
    }
  }

  // In the order of ids, which is the order of next_at where that is equal.
  void move_rows(stage::Move& op) {
    op.moved = 0;
    op.more = false;
    const DeliveryState wanted = op.dead ? DeliveryState::kDead : DeliveryState::kReady;
    for (auto& [id, row] : rows_) {
      const bool discarded = row.review == message::ReviewState::kDiscarded;
      if (row.output != op.from || row.state != wanted || (op.dead && discarded)) continue;
      op.more = op.moved == op.limit;
      if (op.more) return;
      ++op.moved;
      move(id, row, [&](Row& r) { r.output = op.to; });
    }
  }

  void purge(stage::Purge& op) {
    op.deleted = 0;
    op.more = false;
    op.oversize = op.size_max != 0 && rows_.size() * kRowBytes > op.size_max;
    const WallTime before = op.oversize ? WallTime::max() : op.before;
    for (auto at = rows_.begin(); at != rows_.end() && op.deleted < op.rows_max;) {
      const Row& row = at->second;
      const bool old = row.updated_at < before && (row.state == DeliveryState::kDelivered ||
                                                   row.state == DeliveryState::kCancelled);
      at = old ? rows_.erase(at) : std::next(at);
      op.deleted += old ? 1 : 0;
      op.more = at != rows_.end();
    }
  }

  void look(stage::Look& op) {
    op.others = others_;
    op.changed = std::exchange(meddled_, false);
    op.taken_over = 0;
    op.backlog = count_backlog(rows_);
  }

  void find_one(message::NotificationId id, stage::QueryResult& result) {
    const auto note = notes_.find(id);
    if (note == notes_.end()) return;
    result.notification = stage::NotificationRow{id, note->second.input, note->second.caller,
                                                 note->second.accepted_at, note->second.payload};
    for (auto at = rows_.lower_bound({id, 0}); at != rows_.end(); ++at) {
      if (at->first.notification != id) break;
      stage::DeliveryRow row;
      row.id = at->first;
      row.output = at->second.output;
      row.state = at->second.state;
      row.attempts = at->second.attempts;
      row.reason = at->second.reason;
      row.provider_id = at->second.provider_id;
      row.updated_at = at->second.updated_at;
      row.redrive_at = at->second.redrive_at;
      result.deliveries.push_back(row);
    }
  }

  std::mutex mutex_;
  std::map<message::NotificationId, Note> notes_;
  std::map<message::DeliveryId, Row> rows_;
  std::set<Ready> ready_;
  FakeKeys keys_;
  FakeRecords records_;
  message::NotificationId high_mark_;
  stage::Epoch epoch_ = 0;
  std::uint64_t claims_ = 0;
  std::vector<std::vector<stage::OperationKind>> batches_;
  std::deque<Next> next_;
  std::uint32_t others_ = 0;
  bool meddled_ = false;  // since the last look
  bool unknown_ = false;  // how the last commit ended
  bool forgetful_ = false;
  bool down_ = false;
  bool full_ = false;
  bool held_ = false;
  bool open_ = false;
  std::vector<stage::Operation*> waiting_;
  Function<void(Applied)> done_;
};

}  // namespace tocsin::delivery::testing
