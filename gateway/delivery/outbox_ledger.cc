#include "gateway/delivery/outbox_ledger.h"

#include <utility>

#include "gateway/delivery/store_read.h"

namespace tocsin::delivery {

/// Lives from its submission to its answer.
class OutboxLedger::CancelChange final : public CancelRequest {
 public:
  CancelChange(OutboxLedger& ledger, std::string_view whose,
               Function<void(Result<stage::Cancel>)> done)
      : ledger_(ledger), done_(std::move(done)) {
    caller = whose;
    op.caller = caller;
  }
  void on_answered() override {
    const std::unique_ptr<CancelChange> mine(this);
    --ledger_.changes_;
    if (!committed()) return done_(tl::unexpected(store_cannot_commit()));
    done_(op);
  }

 private:
  OutboxLedger& ledger_;
  Function<void(Result<stage::Cancel>)> done_;
};

class OutboxLedger::RescheduleChange final : public RescheduleRequest {
 public:
  RescheduleChange(OutboxLedger& ledger, std::string_view whose,
                   Function<void(Result<stage::Reschedule>)> done)
      : ledger_(ledger), done_(std::move(done)) {
    caller = whose;
    op.caller = caller;
  }
  void on_answered() override {
    const std::unique_ptr<RescheduleChange> mine(this);
    --ledger_.changes_;
    if (!committed()) return done_(tl::unexpected(store_cannot_commit()));
    done_(std::move(op));
  }

 private:
  OutboxLedger& ledger_;
  Function<void(Result<stage::Reschedule>)> done_;
};

class OutboxLedger::ReviewChange final : public ReviewRequest {
 public:
  ReviewChange(OutboxLedger& ledger, Function<void(Result<stage::Review>)> done)
      : ledger_(ledger), done_(std::move(done)) {}
  void on_answered() override {
    const std::unique_ptr<ReviewChange> mine(this);
    --ledger_.changes_;
    if (!committed()) return done_(tl::unexpected(store_cannot_commit()));
    done_(std::move(op));
  }

 private:
  OutboxLedger& ledger_;
  Function<void(Result<stage::Review>)> done_;
};

class OutboxLedger::MoveChange final : public MoveRequest {
 public:
  MoveChange(OutboxLedger& ledger, std::string_view old, std::string_view next,
             Function<void(Result<stage::Move>)> done)
      : ledger_(ledger), done_(std::move(done)) {
    from = old;
    to = next;
    op.from = from;
    op.to = to;
    op.limit = stage::kMoveRowsMax;
  }
  void on_answered() override {
    const std::unique_ptr<MoveChange> mine(this);
    --ledger_.changes_;
    if (!committed()) return done_(tl::unexpected(store_cannot_commit()));
    done_(op);
  }

 private:
  OutboxLedger& ledger_;
  Function<void(Result<stage::Move>)> done_;
};

OutboxLedger::OutboxLedger(OutboxPort& port, stage::Storage& storage, event::OffloadPool& pool)
    : port_(port), storage_(storage), pool_(pool) {}

OutboxLedger::~OutboxLedger() {
  TOCSIN_ASSERT(changes_ == 0, "a ledger was destroyed before its answers");
}

void OutboxLedger::query(stage::Query query, Function<void(Result<stage::QueryResult>)> done) {
  auto read = [&storage = storage_, query = std::move(query)] { return storage.query(query); };
  read_in_pool<stage::QueryResult>(pool_, port_.loop(), std::move(read), std::move(done));
}

template <typename R>
bool OutboxLedger::refuse_when_full(Function<void(Result<R>)>& done) {
  if (changes_ < kChangesMax) {
    ++changes_;
    return false;
  }
  port_.loop().post(
      [refused = std::move(done)]() mutable { refused(tl::unexpected(store_asked_too_much())); });
  return true;
}

void OutboxLedger::cancel(message::NotificationId id, std::string_view caller,
                          Function<void(Result<stage::Cancel>)> done) {
  if (refuse_when_full(done)) return;
  auto change = std::make_unique<CancelChange>(*this, caller, std::move(done));
  change->op.id = id;
  port_.submit(*change.release());
}

void OutboxLedger::reschedule(message::NotificationId id, std::string_view caller,
                              WallTime deliver_at, Function<void(Result<stage::Reschedule>)> done) {
  if (refuse_when_full(done)) return;
  auto change = std::make_unique<RescheduleChange>(*this, caller, std::move(done));
  change->op.id = id;
  change->deliver_at = deliver_at;
  port_.submit(*change.release());
}

void OutboxLedger::review(message::DeliveryId id, stage::Review::Verb verb,
                          Function<void(Result<stage::Review>)> done) {
  if (refuse_when_full(done)) return;
  auto change = std::make_unique<ReviewChange>(*this, std::move(done));
  change->op.id = id;
  change->op.verb = verb;
  port_.submit(*change.release());
}

void OutboxLedger::move(std::string_view from, std::string_view to, bool dead,
                        Function<void(Result<stage::Move>)> done) {
  if (refuse_when_full(done)) return;
  auto change = std::make_unique<MoveChange>(*this, from, to, std::move(done));
  change->op.dead = dead;
  port_.submit(*change.release());
}

}  // namespace tocsin::delivery
