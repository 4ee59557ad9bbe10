#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gateway/delivery/submission.h"
#include "gateway/event/loop.h"

namespace tocsin::delivery {

class OutboxFront;

/// A lane as the front's answers reach it. Everything comes on the lane's home loop.
class LaneEnd {
 public:
  virtual ~LaneEnd() = default;
  virtual void take(HandOff&& delivery) = 0;
  virtual void take(stage::ClaimedDelivery&& row, message::DeliveryClass queue,
                    std::uint32_t generation) = 0;
  /// Some of this notification may wait here: it need not be attempted.
  virtual void on_cancelled(message::NotificationId id) = 0;
  /// The store went or came back, or was opened again.
  virtual void on_store_status(const StoreStatus& status) = 0;
  /// Adds to `held` those of `asked`, ascending, that are in its memory or on their way from there.
  virtual void tell_held(std::span<const message::DeliveryId> asked,
                         std::vector<message::DeliveryId>& held) const = 0;
};

/// A loop's way to the outbox front and back, one per loop. What a tick submits crosses as one
/// posted task, and so do a batch's answers. Made while neither loop runs, after the front was
/// opened; outlives both.
class OutboxPort final : private event::TickEnd {
 public:
  OutboxPort(event::Loop& loop, OutboxFront& front);
  ~OutboxPort();
  OutboxPort(const OutboxPort&) = delete;
  OutboxPort& operator=(const OutboxPort&) = delete;

  event::Loop& loop() { return loop_; }
  const StoreStatus& status() const { return status_; }

  /// Keeps room for so many appends with so many payload bytes; false: too much waits. Room that
  /// was kept is submitted or released.
  [[nodiscard]] bool reserve(std::size_t appends, std::size_t bytes);
  /// Gives back room that is not needed after all.
  void release(std::size_t appends, std::size_t bytes);
  /// Sends it off at the end of the tick, behind what was submitted before. An AppendGroup needs
  /// its reservation.
  void submit(Submission& one);

  /// Who hears of cancels and of the store.
  void add_lane(LaneEnd& lane) { lanes_.push_back(&lane); }
  void remove_lane(LaneEnd& lane);

 private:
  friend class OutboxFront;
  void on_tick_end() override;
  void receive(std::unique_ptr<Reply> reply);
  void handle(Reply& reply);
  void answer(const HeldQuestion& question);

  event::Loop& loop_;
  OutboxFront& front_;
  SubmissionList outgoing_;
  StoreStatus status_;
  std::vector<LaneEnd*> lanes_;
  HeldAnswer held_;               // the front asks again when it has this one
  std::unique_ptr<Reply> spare_;  // travels back to the front with the next mail

  // The front's.
  std::unique_ptr<Reply> reply_;  // what it gathers
  std::unique_ptr<Reply> next_reply_;
};

}  // namespace tocsin::delivery
