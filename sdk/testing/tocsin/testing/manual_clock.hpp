#pragma once

#include <chrono>

namespace tocsin::testing {

/// Time that stands still until a test moves it. Starts at one hour on the monotonic clock and at
/// 2026-01-01T00:00:00Z on the wall.
class ManualClock {
 public:
  using Duration = std::chrono::nanoseconds;

  Duration mono() const { return mono_; }
  Duration wall() const { return wall_; }
  void advance(Duration by) {
    mono_ += by;
    wall_ += by;
  }

 private:
  Duration mono_ = std::chrono::hours(1);
  Duration wall_ = std::chrono::seconds(1'767'225'600);
};

}  // namespace tocsin::testing
