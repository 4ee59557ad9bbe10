#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "gateway/delivery/lane_pace.h"
#include "gateway/delivery/settle.h"
#include "gateway/delivery/submission.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/stage/output.h"

namespace tocsin::delivery {

class Lane;

/// A delivery in a lane's memory, from its coming to the commit of its settlement. Reused; the
/// settlement it will ask for is the slot itself.
class LaneSlot final : public SettleRequest {
 public:
  enum class State : std::uint8_t {
    kFree,
    kWaiting,     ///< in its class's queue
    kParked,      ///< it waits a moment for its address or the retry budget
    kMarking,     ///< the sending mark is on its way to the store
    kMarked,      ///< it is there
    kAttempting,  ///< the output has it
    kSettling,    ///< its next state is on its way to the store; kClaimed: then it waits again
  };

  LaneSlot(Lane& lane, std::uint32_t index, event::TimerWheel& wheel);
  void on_answered() override;

  /// Names the running attempt; a slot's next attempt has another.
  stage::AttemptToken token() const { return std::uint64_t{turn} << 32 | (index_ + 1); }
  /// Which slot a token names, if any lane has so many.
  static std::uint32_t index_of(stage::AttemptToken token) {
    return static_cast<std::uint32_t>(token) - 1;
  }

  State state = State::kFree;
  std::uint32_t turn = 1;
  std::uint32_t attempts = 0;  ///< that count, before the present one
  std::uint32_t crashes = 0;
  message::DeliveryId id;
  message::Message message;
  std::string_view address;  ///< in the message's bytes
  WallTime accepted_at{};
  std::optional<WallTime> expires_at;
  bool redriven = false;  ///< it never expires
  std::uint32_t redrives = 0;
  bool mirror = false;      ///< a copy of a dead letter
  bool tells = false;       ///< kSettling: others are told when it is committed
  bool waited = false;      ///< it had to wait for its turn before
  LanePace::Permit permit;  ///< from kMarking to the end of kAttempting
  MonoTime begun_at{};
  GiveUpCause cause = GiveUpCause::kExhausted;  ///< kSettling into an end without delivery
  stage::Output* output = nullptr;              ///< kAttempting: whose deliver() was called
  event::Timer deadline;                        ///< of the attempt; kParked: of the wait

 private:
  friend class SlotQueue;
  Lane& lane_;
  const std::uint32_t index_;
  LaneSlot* next_ = nullptr;
  LaneSlot* previous_ = nullptr;
};

/// A first-in-first-out queue through the slots, from which any can leave.
class SlotQueue {
 public:
  bool empty() const { return first_ == nullptr; }
  LaneSlot* first() const { return first_; }
  static LaneSlot* after(const LaneSlot& slot) { return slot.next_; }

  void push_back(LaneSlot& slot) {
    slot.next_ = nullptr;
    slot.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &slot;
    last_ = &slot;
  }
  /// Before the first that was accepted after it.
  void put_back(LaneSlot& slot) {
    LaneSlot* later = first_;
    while (later != nullptr && later->id < slot.id) later = later->next_;
    if (later == nullptr) return push_back(slot);
    slot.next_ = later;
    slot.previous_ = later->previous_;
    (slot.previous_ == nullptr ? first_ : slot.previous_->next_) = &slot;
    later->previous_ = &slot;
  }
  void remove(LaneSlot& slot) {
    (slot.previous_ == nullptr ? first_ : slot.previous_->next_) = slot.next_;
    (slot.next_ == nullptr ? last_ : slot.next_->previous_) = slot.previous_;
  }
  LaneSlot* pop_front() {
    LaneSlot* slot = first_;
    if (slot != nullptr) remove(*slot);
    return slot;
  }

 private:
  LaneSlot* first_ = nullptr;
  LaneSlot* last_ = nullptr;
};

}  // namespace tocsin::delivery
