#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "gateway/base/clock.h"

namespace tocsin::policy {

/// Sums over the recent past in bounded memory: the span is cut into ten slices, and a slice is
/// forgotten as a whole when the clock reaches its place again.
///
///   |  8 |  9 | now |  1 |  2 | ...     a ring; "now" was zeroed when the clock entered it
///
/// So total() covers between nine tenths of the span and all of it, never more. `Counts` has a zero
/// state and operator+=. Not synchronised. A `now` before the newest slice counts into the newest.
template <typename Counts>
class TimeWindow {
 public:
  static constexpr std::int64_t kSlices = 10;

  explicit TimeWindow(Duration span) : slice_(std::max<std::int64_t>(1, span.count() / kSlices)) {}

  /// The slice of `now`, to count into.
  Counts& at(MonoTime now) {
    roll(now);
    return slices_[place(newest_)];
  }

  Counts total(MonoTime now) {
    roll(now);
    Counts sum{};
    for (const Counts& slice : slices_) sum += slice;
    return sum;
  }

  void clear() { slices_.fill(Counts{}); }

 private:
  static std::size_t place(std::int64_t index) {
    return static_cast<std::size_t>((index % kSlices + kSlices) % kSlices);
  }

  void roll(MonoTime now) {
    const std::int64_t index = now.time_since_epoch().count() / slice_;
    if (index <= newest_) return;
    const std::int64_t passed = index - newest_;
    if (passed >= kSlices) {
      clear();
    } else {
      for (std::int64_t i = newest_ + 1; i <= index; ++i) slices_[place(i)] = Counts{};
    }
    newest_ = index;
  }

  std::int64_t slice_;
  std::int64_t newest_ = 0;
  std::array<Counts, kSlices> slices_{};
};

}  // namespace tocsin::policy
