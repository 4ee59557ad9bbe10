#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/policy/expiring_map.h"
#include "gateway/policy/gcra.h"
#include "gateway/policy/siphash.h"
#include "gateway/policy/throttle_steps.h"

namespace tocsin::delivery {

/// When each address of one output may be called next: not while it is closed, and not faster than
/// its rate. What has to wait is given an instant of its own,
///
///     now        closed until    place 1   place 2   place 3
///   ---|--------------|-------------|---------|---------|------>    one rate's interval apart
///
/// so that a thousand deliveries to one address come back one by one and not a thousand at a time.
/// Bounded: with too many addresses the one that is free soonest is forgotten. Time is an argument.
class AddressGates {
 public:
  static constexpr std::size_t kAddressesMax = 10'000;
  /// How long after its pause is over an address is remembered that was throttled.
  static constexpr Duration kRememberThrottle = std::chrono::minutes(1);

  explicit AddressGates(policy::HashSeed seed) : seed_(seed) {}

  /// None: any. What was spent stays spent.
  void set_rate(const std::optional<policy::RateLimit>& rate) { rate_ = rate; }

  /// No attempt to it before `until`; an earlier closing that lasts longer stays.
  void close(std::string_view address, MonoTime until, MonoTime now);
  /// As policy::ThrottleSteps, for one address; who closes it for the pause is the caller.
  Duration on_throttled(std::string_view address, MonoTime begun, MonoTime now,
                        std::uint64_t random_bits);
  void on_served(std::string_view address, MonoTime begun, MonoTime now);
  /// How long it is still closed; zero: open.
  Duration closed_for(std::string_view address, MonoTime now);

  /// How long an attempt has to wait; zero: it may begin. One that `waited` before goes by the
  /// gate alone, others come behind all who were given a place.
  Duration wait_for(std::string_view address, MonoTime now, bool waited);
  /// Who has to wait gets a place: so long from now, at least wait_for(). One that `waited` and is
  /// less than an interval early keeps its turn: the one before it was late by as much.
  Duration give_place(std::string_view address, MonoTime now, bool waited);
  /// An attempt begins.
  void on_attempt(std::string_view address, MonoTime now);

  std::size_t size() const { return known_.size(); }

 private:
  struct Gate {
    MonoTime closed_until = MonoTime::min();
    MonoTime arrival = MonoTime::min();     // of the rate, as Gcra keeps it
    MonoTime next_place = MonoTime::min();  // behind all that were given
    policy::ThrottleSteps throttles;
    MonoTime throttles_until = MonoTime::min();  // they matter
    MonoTime free_at() const {
      return std::max({closed_until, arrival, next_place, throttles_until});
    }
  };
  policy::KeyView key(std::string_view address) const {
    return {address, policy::siphash(seed_, address)};
  }
  Gate& gate(const policy::KeyView& address, MonoTime now);
  Duration wait_at(const Gate& gate, MonoTime now, bool waited) const;

  const policy::HashSeed seed_;
  std::optional<policy::RateLimit> rate_;
  policy::ExpiringMap<Gate> known_;
};

}  // namespace tocsin::delivery
