#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/delivery/account_gate.h"
#include "gateway/delivery/address_gates.h"
#include "gateway/delivery/dead_letter_notices.h"
#include "gateway/delivery/delivery_metrics.h"
#include "gateway/delivery/lane_door.h"
#include "gateway/delivery/lane_pace.h"
#include "gateway/delivery/lane_policy.h"
#include "gateway/delivery/lane_slot.h"
#include "gateway/delivery/outbox_port.h"
#include "gateway/delivery/pace_keeper.h"
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
  PaceKeeper* paces = nullptr;           ///< null: what its pace knows ends with it
};

/// The deliveries of one output, on its home loop: critical ones first, with a share for the rest,
/// else in the order they come. It begins attempts as its pace allows, ends those whose time is up,
/// and asks the front to settle what they came to. Part of the estate: it outlives
/// configurations and their outputs, and every plan that names its door.
class Lane final : public stage::AttemptDone, private LaneEnd, private event::TickEnd {
 public:
  /// So many of class critical in a row while others wait.
  static constexpr std::uint32_t kCriticalInARow = 8;
  /// The bytes of a claimed delivery, decoded.
  static constexpr std::size_t kMessageBytesMax = std::size_t{16} << 20;
  /// What waits for its address or for the retry budget stays in memory for so long at most, and
  /// takes at most this part of the lane's room; else it waits in the store.
  static constexpr Duration kParkMax = std::chrono::seconds(1);
  static constexpr std::uint32_t kParkPart = 4;
  /// How often an empty lane asks for a dead letter as its breaker's probe, while there is none.
  static constexpr Duration kAskForLetterEvery = std::chrono::seconds(30);

  Lane(LaneSurroundings around, std::string output, LanePolicy policy);
  /// Holds nothing: it was drained, or the front was stopped and has answered.
  ~Lane() override;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  LaneDoor& door() { return door_; }
  const std::string& output_name() const { return door_.output(); }

  /// Which instance attempts go to from now on, and by which settings; those under way end where
  /// they began. Null: none is begun. The first call with an instance opens the door. `account` is
  /// shared with the other outputs of its account; null: it has none.
  void attach(stage::Output* output, LanePolicy policy,
              std::shared_ptr<AccountGate> account = nullptr);
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

  /// Goes on where another lane of this output was. Before the first output is attached.
  void restore(const PaceState& state);
  /// Begins no attempt before adopt(), or `limit`: another process still has this output's.
  void await_pace(Duration limit);
  /// That process begins none any more. Null: nobody knows where it was. One that comes late says
  /// only what receivers asked for.
  void adopt(const PaceState* state);
  PaceState pace_state() const;

  /// Begins no attempt for `wait`, or until resume(): its output is suspected of crashing the
  /// gateway.
  void quarantine(Duration wait);
  /// Begins no attempt until resume(): an operator said so. What has begun ends, all else waits in
  /// the store.
  /// False: it was so already. The order outlives the process.
  bool halt();
  bool halted() const { return pace_.gate().halted(); }
  /// Ends both. False when there was neither.
  bool resume();
  bool quarantined() const { return pace_.gate().held(loop_.now()); }

  /// Opens or closes the breaker until told otherwise, or leaves it to itself again. Returns the
  /// state it is in now. The order outlives the process.
  policy::BreakerState force_breaker(BreakerOrder order);
  policy::BreakerState breaker_state() const { return pace_.breaker_state(); }

  std::uint32_t held() const { return held_; }
  std::uint32_t in_flight() const { return pace_.in_flight(); }
  /// Its credentials were refused; one probe a minute finds out when they are good again.
  bool paused() const { return pace_.gate().paused(); }
  /// What its next attempt would wait for, and until when.
  LanePace::Look look() const { return pace_.look(loop_.now()); }

 private:
  friend class LaneSlot;
  using State = LaneSlot::State;
  struct DoorAnswer final : DoorRequest {
    DoorAnswer(Kind kind, Lane& owner) : DoorRequest(kind, owner.door_), lane(owner) {}
    void on_answered() override { lane.on_door_answered(*this); }
    Lane& lane;
    bool pending = false;
  };

  // lane.cc: what comes
  void take(HandOff&& delivery) override;
  void take(stage::ClaimedDelivery&& row, message::DeliveryClass queue,
            std::uint32_t generation) override;
  void on_cancelled(message::NotificationId id) override;
  void on_store_status(const StoreStatus& status) override;
  void tell_held(std::span<const message::DeliveryId> asked,
                 std::vector<message::DeliveryId>& held) const override;
  LaneSlot& take_slot(message::DeliveryId id, std::uint32_t generation);
  bool decode(LaneSlot& slot, const stage::ClaimedDelivery& row);
  void enqueue(LaneSlot& slot);
  bool expired(const LaneSlot& slot) const;
  SlotQueue& waiting(message::DeliveryClass which) {
    return waiting_[static_cast<std::size_t>(which)];
  }
  template <typename Wanted, typename Take>
  void take_out(Wanted&& wanted, Take&& take);
  void release_waiting(std::uint32_t but_generation);

  // lane_begin.cc: beginning attempts
  void on_tick_end() override;
  void begin_waiting();
  SlotQueue* next_queue();
  std::optional<Settlement> unwanted(const LaneSlot& slot) const;
  bool settle_unwanted(LaneSlot& slot, SlotQueue& from);
  bool settle_by_fallback(LaneSlot& slot, SlotQueue& from);
  std::optional<MonoTime> falls_back_at() const;
  void ask_for_letter();
  void wait_for(const LanePace::Look& look);
  bool postpone(LaneSlot& slot, SlotQueue& from);
  void on_parked(LaneSlot& slot);
  void mark(LaneSlot& slot);
  void begin_marked();
  void begin(LaneSlot& slot);
  void deliver_begun();

  // lane_end.cc: what attempts and settlements come to
  void on_deadline(LaneSlot& slot);
  void finish(LaneSlot& slot, const message::Verdict& verdict);
  Duration own_pause(const message::Verdict& verdict, const LaneSlot& slot, MonoTime now);
  struct Successor {
    std::string output;
    std::string address;
  };
  std::optional<Successor> successor(const LaneSlot& slot, bool same_address) const;
  std::optional<std::string> address_within(const LaneFallback& fallback, const LaneSlot& slot,
                                            bool same_address) const;
  void resume_paused();
  void set_halted(bool halted);
  void carry_out(const LaneEffect& effect, const LaneSlot& slot, MonoTime now);
  void suppress(const LaneSlot& slot, const message::Verdict& verdict);
  void log_attempt(const LaneSlot& slot, const message::Verdict& verdict, const Settlement& next);
  void settle(LaneSlot& slot, Settlement next);
  void bury_or_hold(LaneSlot& slot, const Settlement& next);
  void tell_of_end(const LaneSlot& slot);
  void on_settled(LaneSlot& slot);
  void go_on(LaneSlot& slot);
  void count(const LaneSlot& slot);
  void free(LaneSlot& slot);
  void leave_flight(LaneSlot& slot);
  void on_flight_left();
  void bring_letters();
  void on_breaker(const LanePace::BreakerTransition& transition);
  void keep_pace(PaceKeeper::When when);
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
  PaceKeeper* const paces_;
  LaneMetrics metrics_;
  LanePolicy policy_;
  LaneDoor door_;
  DoorAnswer opening_;
  DoorAnswer resizing_;
  DoorAnswer closing_;
  DoorAnswer recovered_;
  DoorAnswer probe_;
  stage::Output* output_ = nullptr;

  std::deque<LaneSlot> slots_;  // addresses stay
  SlotQueue free_;
  std::array<SlotQueue, 2> waiting_;  // by class
  SlotQueue marked_;
  SlotQueue parked_;
  std::vector<stage::Attempt> begun_;  // given to the output together
  std::uint32_t held_ = 0;
  std::uint32_t parked_count_ = 0;
  std::uint32_t critical_in_a_row_ = 0;
  std::uint32_t generation_ = 0;

  std::mt19937_64 random_;
  LanePace pace_;
  std::optional<PaceState> kept_;  // until the account is known
  MonoTime asks_again_at_{};       // for a dead letter
  MonoTime awaits_until_{};        // another process begins attempts
  bool breaker_ordered_ = false;   // here, meanwhile
  bool halt_ordered_ = false;      // the same
  bool restoring_ = false;
  bool recovering_ = false;  // its breaker closed, and dead letters may still wait for that
  AddressGates addresses_;
  LaneWait waiting_for_ = LaneWait::kNothing;
  event::Timer look_timer_;

  bool opened_ = false;
  bool draining_ = false;
  bool door_closed_ = false;
  event::Timer drain_timer_;
  Function<void()> on_drained_;
};

}  // namespace tocsin::delivery
