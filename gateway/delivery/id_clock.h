#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "gateway/base/assert.h"
#include "gateway/base/clock.h"
#include "gateway/message/notification.h"

namespace tocsin::delivery {

/// The time a store lives by: the wall clock as long as that goes forward. When the wall clock is
/// set back this one runs on, so that what was written before the step neither waits for the wall
/// clock to catch up nor is overtaken. Owned by one thread.
class StoreClock {
 public:
  /// Never tells less than `least`.
  explicit StoreClock(const Clock& clock, WallTime least = {})
      : clock_(&clock), seen_at_(clock.mono()), last_(std::max(least, clock.wall())) {}

  WallTime now() { return move_on(clock_->wall()); }

  /// An instant of the wall clock in this clock's time; they differ only after a step back.
  WallTime from_wall(WallTime wall) {
    const WallTime read = clock_->wall();
    return wall + (move_on(read) - read);
  }

 private:
  WallTime move_on(WallTime wall) {
    const MonoTime mono = clock_->mono();
    last_ = std::max(wall, last_ + (mono - seen_at_));
    seen_at_ = mono;
    return last_;
  }

  const Clock* clock_;
  MonoTime seen_at_;
  WallTime last_;
};

/// Gives notification ids, strictly ascending whatever the clock does: the clock's millisecond, or
/// the last id's when that is greater; within one millisecond the sequence counts, and what does
/// not fit there goes into the next.
///
///   63          22         12        0
///   | ms, 41 bits | node, 10 | seq, 12 |
class IdClock {
 public:
  static constexpr int kNodeShift = 12;
  static constexpr int kTimeShift = 22;
  static constexpr std::uint32_t kNodeMax = (1U << (kTimeShift - kNodeShift)) - 1;
  static constexpr std::uint64_t kSequenceMax = (1U << kNodeShift) - 1;

  /// All ids are above `high_mark`, whichever node gave that.
  IdClock(std::uint32_t node, message::NotificationId high_mark) : node_(node) {
    TOCSIN_ASSERT(node <= kNodeMax, "a node number beyond ten bits");
    if (high_mark) ms_ = (high_mark.value >> kTimeShift) + 1;
  }

  message::NotificationId next(WallTime now) {
    const std::uint64_t ms = since_epoch(now);
    if (ms > ms_) {
      ms_ = ms;
      sequence_ = 0;
    } else if (sequence_ > kSequenceMax) {
      ++ms_;
      sequence_ = 0;
    }
    return {ms_ << kTimeShift | std::uint64_t{node_} << kNodeShift | sequence_++};
  }

  /// The last id before the instant that is given `ahead` from now, or of the newest id's
  /// millisecond when that is later: a mark below which ids stay for a while. Ids that run ahead do
  /// not push it farther ahead, or starts in a row would drive ids away from the time of day.
  message::NotificationId mark(WallTime now, Duration ahead) const {
    const auto ms = static_cast<std::uint64_t>(ahead / std::chrono::milliseconds(1));
    return {(std::max(since_epoch(now) + ms, ms_ + 1) << kTimeShift) - 1};
  }

  /// When an id was given, as far as it says.
  static WallTime time_of(message::NotificationId id) {
    return WallTime(std::chrono::milliseconds(message::NotificationId::kEpochMs +
                                              static_cast<std::int64_t>(id.value >> kTimeShift)));
  }

 private:
  static std::uint64_t since_epoch(WallTime now) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
    return static_cast<std::uint64_t>(
        std::max(ms - message::NotificationId::kEpochMs, std::int64_t{0}));
  }

  const std::uint32_t node_;
  std::uint64_t ms_ = 0;
  std::uint64_t sequence_ = 0;  // of the next id of ms_
};

}  // namespace tocsin::delivery
