#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/delivery/dead_letter_notices.h"
#include "gateway/delivery/delivery_metrics.h"
#include "gateway/delivery/lane_door.h"
#include "gateway/delivery/lane_gate.h"
#include "gateway/delivery/lane_policy.h"
#include "gateway/delivery/lane_slot.h"
#include "gateway/delivery/outbox_port.h"
#include "gateway/delivery/settle.h"
#include "gateway/delivery/suppressions.h"
#include "gateway/stage/output.h"
#include "gateway/telemetry/log.h"

namespace tocsin::delivery {

/// What a lane shares with others of its loop.
struct LaneSurroundings {
  OutboxPort& port;
  BlockPool& pool;  ///< for the bytes of claimed deliveries; the home loop's own
  telemetry::Metrics& metrics;
  telemetry::Log& log;
  Suppressions* suppressions = nullptr;  ///< null: nothing is suppressed
  DeadLetterNotices* notices = nullptr;  ///< null: nobody is told
};

/// The deliveries of one output, on its home loop: critical ones first, with a share for the rest,
/// else in the order they come. It begins attempts while there is room, ends those whose time is
/// up, and asks the front to settle what they came to. Part of the estate: it outlives
/// configurations and their outputs, and every plan that names its door.
class Lane final : public stage::AttemptDone, private LaneEnd, private event::TickEnd {
 public:
  /// So many of class critical in a row while others wait.
  static constexpr std::uint32_t kCriticalInARow = 8;
  /// The bytes of a claimed delivery, decoded.
  static constexpr std::size_t kMessageBytesMax = std::size_t{16} << 20;

  Lane(LaneSurroundings around, std::string output, LanePolicy policy);
  /// Holds nothing: it was drained, or the front was stopped and has answered.
  ~Lane() override;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  LaneDoor& door() { return door_; }
  const std::string& output_name() const { return door_.output(); }

  /// Which instance attempts go to from now on, and by which settings; those under way end where
  /// they began. Null: none is begun. The first call with an instance opens the door.
  void attach(stage::Output* output, LanePolicy policy);
  void attach(stage::Output* output) { attach(output, policy_); }
  /// Attempts that `output` has not completed.
  std::uint32_t attempts_of(const stage::Output& output) const;
  /// Attempts under way, whoever has them.
  std::uint32_t attempts() const;
  /// Ends those now, as a drain does once its grace is over.
  void cut_attempts_of(const stage::Output& output);

  /// Ends: what waits goes back to the store, attempts under way may finish within `grace` and are
  /// cut then. `done` is called when nothing is left, never inside this call; while the store is
  /// down that is not before the front is stopped.
  void drain(Duration grace, Function<void()> done);

  void complete(stage::AttemptToken token, message::Verdict verdict) override;

  /// Begins no attempt for `wait`, or until resume(): its output is suspected of crashing the
  /// gateway.
  void quarantine(Duration wait);
  /// Ends that. False when there was none.
  bool resume();
  bool quarantined() const { return gate_.held(loop_.now()); }

  std::uint32_t held() const { return held_; }
  std::uint32_t in_flight() const { return in_flight_; }
  /// Its credentials were refused; one probe a minute finds out when they are good again.
  bool paused() const { return gate_.paused(); }
  /// What it was asked to wait for is not yet over, or it is paused or in quarantine.
  bool gate_closed() const { return !gate_.open(loop_.now()); }

 private:
  friend class LaneSlot;
  using State = LaneSlot::State;
  struct DoorAnswer final : DoorRequest {
    DoorAnswer(Kind kind, Lane& owner) : DoorRequest(kind, owner.door_), lane(owner) {}
    void on_answered() override { lane.on_door_answered(*this); }
    Lane& lane;
    bool pending = false;
  };

  // lane.cc: what comes, and beginning attempts
  void take(HandOff&& delivery) override;
  void take(stage::ClaimedDelivery&& row, message::DeliveryClass queue,
            std::uint32_t generation) override;
  void on_cancelled(message::NotificationId id) override;
  void on_store_status(const StoreStatus& status) override;
  void on_tick_end() override;
  LaneSlot& take_slot(message::DeliveryId id, std::uint32_t generation);
  bool decode(LaneSlot& slot, const stage::ClaimedDelivery& row);
  void enqueue(LaneSlot& slot);
  bool expired(const LaneSlot& slot) const;
  bool may_begin();
  LaneSlot* next_waiting();
  bool still_wanted(LaneSlot& slot);
  void begin_marked();
  void mark(LaneSlot& slot);
  void begin(LaneSlot& slot);
  void deliver_begun();
  void release_waiting(std::uint32_t but_generation);

  // lane_end.cc: what attempts and settlements come to
  void on_deadline(LaneSlot& slot);
  void finish(LaneSlot& slot, const message::Verdict& verdict);
  void carry_out(const LaneEffect& effect, const LaneSlot& slot);
  void suppress(const LaneSlot& slot, const message::Verdict& verdict);
  void log_attempt(const LaneSlot& slot, const message::Verdict& verdict, const Settlement& next);
  void settle(LaneSlot& slot, Settlement next);
  void bury_or_hold(LaneSlot& slot, const Settlement& next);
  void tell_of_end(const LaneSlot& slot);
  void on_settled(LaneSlot& slot);
  void go_on(LaneSlot& slot);
  void count(const LaneSlot& slot);
  void free(LaneSlot& slot);
  void leave_flight();
  void resize_door();
  void cut_attempts();
  void cut_attempt(LaneSlot& slot);
  void on_door_answered(DoorAnswer& answer);
  void end_drain();
  bool idempotent(const LaneSlot& slot) const { return slot.output->traits().idempotent; }

  OutboxPort& port_;
  event::Loop& loop_;
  BlockPool& pool_;
  telemetry::Log& log_;
  Suppressions* const suppressions_;
  DeadLetterNotices* const notices_;
  LaneMetrics metrics_;
  LanePolicy policy_;
  LaneDoor door_;
  DoorAnswer opening_;
  DoorAnswer resizing_;
  DoorAnswer closing_;
  stage::Output* output_ = nullptr;

  std::deque<LaneSlot> slots_;  // addresses stay
  SlotQueue free_;
  std::array<SlotQueue, 2> waiting_;  // by class
  SlotQueue marked_;
  std::vector<stage::Attempt> begun_;  // given to the output together
  std::uint32_t held_ = 0;
  std::uint32_t in_flight_ = 0;  // marking, marked or attempting
  std::uint32_t critical_in_a_row_ = 0;
  std::uint32_t generation_ = 0;

  std::mt19937_64 random_;
  LaneGate gate_;
  ClosedAddresses closed_addresses_;
  event::Timer gate_timer_;

  bool opened_ = false;
  bool draining_ = false;
  bool door_closed_ = false;
  event::Timer drain_timer_;
  Function<void()> on_drained_;
};

}  // namespace tocsin::delivery
