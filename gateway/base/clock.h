#pragma once

#include <atomic>
#include <chrono>

namespace tocsin {

using Duration = std::chrono::nanoseconds;
/// An instant of the monotonic clock: deadlines and waits. Never stored, never shown.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// An instant of the wall clock: what is logged, stored and sent to others.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// The only source of time. Everything that waits or stamps takes one, so that a test can own time.
/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime mono() const = 0;
  virtual WallTime wall() const = 0;
};

/// The operating system's clocks.
class SystemClock final : public Clock {
 public:
  MonoTime mono() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }

  /// One instance serves the process; it has no state.
  static const SystemClock& instance();
};

/// A clock that moves only when told to; both instants move together.
class ManualClock final : public Clock {
 public:
  /// Starts at mono 0 + 1 h (so that subtracting in a test stays positive) and
  /// 2026-01-01T00:00:00Z.
  ManualClock() = default;

  MonoTime mono() const override { return MonoTime(Duration(mono_ns_.load())); }
  WallTime wall() const override { return WallTime(Duration(wall_ns_.load())); }

  void advance(Duration by) {
    mono_ns_ += by.count();
    wall_ns_ += by.count();
  }
  /// Moves only the wall clock, as a correction by NTP does; `by` may be negative.
  void step_wall(Duration by) { wall_ns_ += by.count(); }

 private:
  std::atomic<std::int64_t> mono_ns_{3'600'000'000'000};
  std::atomic<std::int64_t> wall_ns_{1'767'225'600'000'000'000};
};

}  // namespace tocsin
