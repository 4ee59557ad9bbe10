#pragma once

#include <algorithm>

#include "gateway/base/clock.h"

namespace tocsin::delivery {

/// Whether an output may be called at all: not while it asked to slow down, not in quarantine, not
/// while an operator has halted it, and but for a probe now and then not while its credentials
/// fail. Time is an argument.
class LaneGate {
 public:
  /// No attempt before `until`; an earlier closing that lasts longer stays.
  void close(MonoTime until) { closed_until_ = std::max(closed_until_, until); }
  /// No attempt but one probe, at `probe_at`.
  void pause(MonoTime probe_at) {
    paused_ = true;
    probe_at_ = probe_at;
  }
  /// An attempt was not refused for its credentials.
  void resume() { paused_ = false; }

  /// No attempt before `until`, or lift().
  void hold(MonoTime until) { held_until_ = until; }
  void lift() { held_until_ = {}; }
  /// No attempt before let(), whatever else would let it: an operator's word.
  void halt() { halted_ = true; }
  void let() { halted_ = false; }
  bool halted() const { return halted_; }

  bool held(MonoTime now) const { return now < held_until_; }

  bool paused() const { return paused_; }
  MonoTime closed_until() const { return closed_until_; }
  MonoTime held_until() const { return held_until_; }
  /// Meaningful while paused.
  MonoTime probe_at() const { return probe_at_; }
  bool open(MonoTime now) const { return now >= opens_at(); }
  /// When open() is true, a past instant included; max(): not before let().
  MonoTime opens_at() const {
    if (halted_) return MonoTime::max();
    const MonoTime unheld = std::max(closed_until_, held_until_);
    return paused_ ? std::max(unheld, probe_at_) : unheld;
  }
  /// An attempt begins; while paused it is the probe, and the next one waits for its turn.
  void on_attempt(MonoTime now, Duration probe_every) {
    if (paused_) probe_at_ = now + probe_every;
  }

 private:
  MonoTime closed_until_{};
  MonoTime probe_at_{};
  MonoTime held_until_{};
  bool paused_ = false;
  bool halted_ = false;
};

}  // namespace tocsin::delivery
