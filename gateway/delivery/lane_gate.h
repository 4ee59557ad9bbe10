#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/policy/expiring_map.h"
#include "gateway/policy/siphash.h"

namespace tocsin::delivery {

/// Whether an output may be called at all: not while it asked to slow down, and but for a probe now
/// and then not while its credentials fail. Rates, the breaker and an account's shared gate will
/// stand here too. Time is an argument.
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
  bool held(MonoTime now) const { return now < held_until_; }

  bool paused() const { return paused_; }
  bool open(MonoTime now) const { return now >= opens_at(); }
  /// When open() is true, a past instant included.
  MonoTime opens_at() const {
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
};

/// The addresses of one output that nothing goes to for a while. Bounded: with too many, the one
/// that opens soonest is forgotten.
class ClosedAddresses {
 public:
  static constexpr std::size_t kAddressesMax = 10'000;

  explicit ClosedAddresses(policy::HashSeed seed) : seed_(seed) {}

  void close(std::string_view address, MonoTime until, MonoTime now);
  /// How long it is still closed; zero: open.
  Duration closed_for(std::string_view address, MonoTime now);
  std::size_t size() const { return closed_.size(); }

 private:
  policy::KeyView key(std::string_view address) const {
    return {address, policy::siphash(seed_, address)};
  }

  const policy::HashSeed seed_;
  policy::ExpiringMap<MonoTime> closed_;
};

}  // namespace tocsin::delivery
