#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "gateway/delivery/outbox_port.h"
#include "gateway/event/offload_pool.h"
#include "gateway/stage/ledger.h"

namespace tocsin::delivery {

/// Reading and changing what was accepted, on one loop: changes go through the front, reads to the
/// storage's own connection in the offload pool. Outlives what it was asked.
class OutboxLedger final : public stage::Ledger {
 public:
  /// Changes under way at a time; more are refused with kFull.
  static constexpr std::size_t kChangesMax = 1024;

  OutboxLedger(OutboxPort& port, stage::Storage& storage, event::OffloadPool& pool);
  ~OutboxLedger() override;
  OutboxLedger(const OutboxLedger&) = delete;
  OutboxLedger& operator=(const OutboxLedger&) = delete;

  bool accepting() const override { return port_.status().accepting; }
  void query(stage::Query query, Function<void(Result<stage::QueryResult>)> done) override;
  void cancel(message::NotificationId id, std::string_view caller,
              Function<void(Result<stage::Cancel>)> done) override;
  void reschedule(message::NotificationId id, std::string_view caller, WallTime deliver_at,
                  Function<void(Result<stage::Reschedule>)> done) override;
  void review(message::DeliveryId id, stage::Review::Verb verb,
              Function<void(Result<stage::Review>)> done) override;
  void move(std::string_view from, std::string_view to, bool dead,
            Function<void(Result<stage::Move>)> done) override;

 private:
  class CancelChange;
  class RescheduleChange;
  class ReviewChange;
  class MoveChange;

  template <typename R>
  bool refuse_when_full(Function<void(Result<R>)>& done);

  OutboxPort& port_;
  stage::Storage& storage_;
  event::OffloadPool& pool_;
  std::size_t changes_ = 0;
};

}  // namespace tocsin::delivery
