#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"

namespace tocsin::event {

class TimerWheel;

namespace detail {
/// A node of a circular doubly linked list; a lone node points at itself.
struct TimerLink {
  TimerLink* next = this;
  TimerLink* previous = this;

  void unlink() {
    next->previous = previous;
    previous->next = next;
    next = previous = this;
  }
  void insert_before(TimerLink& at) {
    next = &at;
    previous = at.previous;
    previous->next = this;
    at.previous = this;
  }
  bool alone() const { return next == this; }
};
}  // namespace detail

/// One alarm on a wheel. Arming and cancelling touch only list links: no allocation, constant time.
/// on_due() runs on the wheel's thread, never before the deadline, at most once per arming; it may
/// arm, cancel or destroy any alarm, its own included. Destroying an armed alarm cancels it. To be
/// inherited by what there is very much of; else a Timer says the same with a callable.
class Alarm : private detail::TimerLink {
 public:
  explicit Alarm(TimerWheel& wheel) : wheel_(wheel) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Moves an armed alarm. A deadline in the past fires on the wheel's next tick.
  void arm_at(MonoTime deadline);
  /// A wait beyond what MonoTime can say means for ever.
  void arm_after(Duration wait);
  void cancel();

  bool armed() const { return armed_; }
  /// Meaningful while armed.
  MonoTime deadline() const { return deadline_; }

 protected:
  ~Alarm() { cancel(); }

 private:
  friend class TimerWheel;
  virtual void on_due() = 0;

  TimerWheel& wheel_;
  MonoTime deadline_{};
  std::uint64_t tick_ = 0;
  std::uint8_t level_ = 0;
  std::uint8_t slot_ = 0;
  bool armed_ = false;
};

/// An alarm that calls what it was made with.
class Timer final : public Alarm {
 public:
  Timer(TimerWheel& wheel, Function<void()> callback)
      : Alarm(wheel), callback_(std::move(callback)) {}

 private:
  void on_due() override { callback_(); }

  Function<void()> callback_;
};

/// A hierarchical timing wheel (Varghese and Lauck, SOSP 1987) of 1 ms ticks: six levels of 64
/// slots, each level's slot as wide as the whole level below, so deadlines reach two years ahead
/// and farther ones stay on the top level for another round. Time is an argument; owned by one
/// thread.
class TimerWheel {
 public:
  explicit TimerWheel(MonoTime start);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Fires everything due at `now`, in order of ticks. Returns how many callbacks ran. Timers armed
  /// by a callback wait for the next call, so a timer that re-arms itself cannot hold the loop.
  std::size_t advance(MonoTime now);

  /// The latest instant the wheel was told: what arm_after counts from.
  MonoTime now() const { return now_; }
  /// Moves now() without firing anything.
  void set_now(MonoTime now) { now_ = now > now_ ? now : now_; }

  /// When advance is due next: never later than the earliest deadline rounded up to a tick,
  /// possibly earlier (a far slot must be spread first). Nothing when no timer is armed.
  std::optional<MonoTime> next_due() const;

  std::size_t armed() const { return armed_; }

 private:
  friend class Alarm;
  static constexpr int kLevels = 6;
  static constexpr int kSlotBits = 6;
  static constexpr int kSlots = 1 << kSlotBits;
  static constexpr Duration kTick = std::chrono::milliseconds(1);

  struct Level {
    std::uint64_t occupied = 0;  // one bit per slot with timers
    std::array<detail::TimerLink, kSlots> slots;
  };
  struct Due {
    std::uint64_t tick;
    int level;
    int slot;
  };

  std::uint64_t tick_at_or_after(MonoTime when) const;
  void insert(Alarm& alarm);
  void remove(Alarm& alarm);
  std::optional<Due> earliest_slot() const;
  void take_slot(const Due& due, detail::TimerLink& into);
  std::size_t fire(detail::TimerLink& due);

  MonoTime start_;
  MonoTime now_;
  std::uint64_t elapsed_ = 0;  // ticks already processed
  std::size_t armed_ = 0;
  std::array<Level, kLevels> levels_;
};

}  // namespace tocsin::event
