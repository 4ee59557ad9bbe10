#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "gateway/base/clock.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/message/delivery.h"

// The hand-off protocol: which deliveries go to a lane from memory and which through the store.
//
// A lane has credits, as many as the deliveries it may hold; a quarter of them is kept for class
// critical, an eighth for the rest. Each of its two queues is direct or spilled:
//
//   direct --- the first row that finds no credit --> spilled: every row is written ready, and
//     ^                                               claimed in order as credits come back
//     +------ a claim left no due row in the store ------+
//
// All of it is decided by the front, on its loop and between two batches: claims and appends have
// one order, so nothing overtakes within a queue, and credits need no atomics.

namespace tocsin::delivery {

class LaneDoor;
class LaneEnd;
class OutboxPort;

/// Hears when a queue of a lane has rows to claim and credits to claim them with.
class ClaimWatch {
 public:
  virtual ~ClaimWatch() = default;
  virtual void on_claimable(LaneDoor& door, message::DeliveryClass queue) = 0;
};

/// The front's side of a lane. Made and destroyed on the lane's home loop; between the answers to
/// its kOpenLane and its kCloseLane only the front uses what stands below home_lane().
class LaneDoor {
 public:
  using Queue = message::DeliveryClass;
  static constexpr std::uint32_t kCapacityMin = 4;
  static constexpr std::uint32_t kCapacityMax = 1000;
  /// Rows of one claim: their payloads are copied at once.
  static constexpr std::uint32_t kClaimRowsMax = 256;

  /// What a lane that runs so many attempts at a time may hold.
  static std::uint32_t capacity_for(std::uint32_t concurrency);

  LaneDoor(std::string output, OutboxPort& home, LaneEnd& lane, std::uint32_t capacity);

  const std::string& output() const { return output_; }
  OutboxPort& home() { return home_; }
  LaneEnd& home_lane() { return lane_; }

  /// Until then, and after close(), every row is written ready and none is claimed. Timers live on
  /// `wheel`.
  void open(event::TimerWheel& wheel, ClaimWatch& watch);
  void close();
  /// What the lane may hold from now on; what it already holds above that stays.
  void resize(std::uint32_t capacity);

  /// True: every row is written ready and none is claimed, as after close(), until the contrary is
  /// said.
  void halt(bool halted);

  /// Whether a row that may go at once is handed over directly: takes a credit, or spills.
  bool admit(Queue queue);
  /// Credits come back: deliveries were settled, or their append was not committed.
  void give_back(Queue queue, std::uint32_t credits);
  /// A row was written ready.
  void on_ready(Queue queue, WallTime next_at, WallTime now);
  /// The store may hold rows nobody counted: look.
  void spill();

  /// Answers on_claimable: takes credits, as many as rows may be claimed; 0: not now.
  std::uint32_t begin_claim(Queue queue);
  /// What a claim of `asked` rows came to, and the earliest row it left.
  void end_claim(Queue queue, std::uint32_t asked, std::uint32_t got,
                 std::optional<WallTime> next_due, WallTime now);
  void fail_claim(Queue queue, std::uint32_t asked);

  /// Whether deliveries with a key are kept in order, which their rows in the store are. Any
  /// thread.
  bool ordered() const { return ordered_.load(std::memory_order_relaxed); }
  void set_ordered(bool ordered) { ordered_.store(ordered, std::memory_order_relaxed); }

  /// Whether its lane has something, or will be given something that is due by then.
  bool expects(WallTime until) const;

  bool spilled() const { return queue(Queue::kCritical).spilled || queue(Queue::kNormal).spilled; }
  /// Whether it was when the front last looked, which it does every second under load. Any thread.
  bool seen_spilled() const { return seen_spilled_.load(std::memory_order_relaxed); }
  void look_at_spilled() { seen_spilled_.store(spilled(), std::memory_order_relaxed); }
  std::uint32_t credits() const {
    const std::uint32_t held = queues_[0].held + queues_[1].held;
    return held < capacity_ ? capacity_ - held : 0;
  }
  /// Rows of this output that are ready. Cancels of ready rows are missed until it is next empty.
  std::uint64_t backlog() const { return backlog_; }
  void set_backlog(std::uint64_t rows) { backlog_ = rows; }

 private:
  struct QueueState {
    bool spilled = true;      // at first nobody knows what the store holds
    bool due = false;         // a row that had to wait need not any longer
    bool listed = false;      // on_claimable was called and not yet answered
    bool empty = false;       // the store holds no ready row at all
    std::uint32_t held = 0;   // credits that are out
    std::uint32_t limit = 0;  // of them
    WallTime next_due = WallTime::max();
    std::optional<event::Timer> timer;  // for next_due
  };
  QueueState& queue(Queue which) { return queues_[static_cast<std::size_t>(which)]; }
  const QueueState& queue(Queue which) const { return queues_[static_cast<std::size_t>(which)]; }

  std::uint32_t available(Queue which) const;
  std::uint32_t worth_claiming(Queue which) const;
  void look(Queue which);
  void wait_for(QueueState& state, WallTime next_due, WallTime now);

  const std::string output_;
  OutboxPort& home_;
  LaneEnd& lane_;
  std::uint32_t capacity_ = 0;
  std::uint64_t backlog_ = 0;
  ClaimWatch* watch_ = nullptr;  // while open
  bool halted_ = false;
  std::array<QueueState, 2> queues_;
  std::atomic<bool> ordered_{false};
  std::atomic<bool> seen_spilled_{false};
};

}  // namespace tocsin::delivery
