#include "gateway/delivery/address_gates.h"

#include <algorithm>

namespace tocsin::delivery {

namespace {
constexpr std::size_t kLooksMax = 16;
}  // namespace

// The entry, made if there is none; the caller moves its end.
AddressGates::Gate& AddressGates::gate(const policy::KeyView& address, MonoTime now) {
  if (Gate* known = known_.find(address, now)) return *known;
  known_.remove(address, [](const Gate&) {});
  known_.sweep(now, kLooksMax, [](const Gate&) {});
  if (known_.size() >= kAddressesMax) known_.displace_soonest(kLooksMax);
  // It lives until set_end, which follows before anybody looks.
  known_.insert(address, Gate{}, MonoTime::max(), address.text.size());
  return *known_.find(address, now);
}

void AddressGates::close(std::string_view address, MonoTime until, MonoTime now) {
  if (until <= now) return;
  const policy::KeyView entry = key(address);
  Gate& closed = gate(entry, now);
  closed.closed_until = std::max(closed.closed_until, until);
  known_.set_end(entry, closed.free_at());
}

Duration AddressGates::on_throttled(std::string_view address, MonoTime begun, MonoTime now,
                                    std::uint64_t random_bits) {
  const policy::KeyView entry = key(address);
  Gate& known = gate(entry, now);
  const Duration pause = known.throttles.on_throttled(begun, now, random_bits);
  known.throttles_until = now + pause + kRememberThrottle;
  known_.set_end(entry, known.free_at());
  return pause;
}

void AddressGates::on_served(std::string_view address, MonoTime begun, MonoTime now) {
  if (known_.size() == 0) return;
  const policy::KeyView entry = key(address);
  Gate* const known = known_.find(entry, now);
  if (known == nullptr || known->throttles.steps() == 0) return;
  known->throttles.on_served(begun);
  if (known->throttles.steps() > 0) return;
  known->throttles_until = MonoTime::min();
  known_.set_end(entry, std::max(known->free_at(), now));
}

Duration AddressGates::closed_for(std::string_view address, MonoTime now) {
  if (known_.size() == 0) return Duration::zero();
  const Gate* known = known_.find(key(address), now);
  if (known == nullptr || known->closed_until <= now) return Duration::zero();
  return known->closed_until - now;
}

Duration AddressGates::wait_at(const Gate& gate, MonoTime now, bool waited) const {
  MonoTime from = std::max(gate.closed_until, now);
  if (rate_) {
    MonoTime arrival = gate.arrival;
    from = std::max(from, now + policy::gcra_take(*rate_, arrival, now, 1).retry_after);
  }
  return (waited ? from : std::max(from, gate.next_place)) - now;
}

Duration AddressGates::wait_for(std::string_view address, MonoTime now, bool waited) {
  if (known_.size() == 0) return Duration::zero();
  const Gate* known = known_.find(key(address), now);
  return known == nullptr ? Duration::zero() : wait_at(*known, now, waited);
}

Duration AddressGates::give_place(std::string_view address, MonoTime now, bool waited) {
  const policy::KeyView entry = key(address);
  Gate& known = gate(entry, now);
  const Duration wait = wait_at(known, now, waited);
  const bool keeps_turn = waited && rate_ && wait <= rate_->interval;
  const MonoTime place = keeps_turn ? now + wait : std::max(now + wait, known.next_place);
  if (rate_ && !keeps_turn) known.next_place = place + rate_->interval;
  known_.set_end(entry, std::max(known.free_at(), place));
  return place - now;
}

void AddressGates::on_attempt(std::string_view address, MonoTime now) {
  if (!rate_) return;
  const policy::KeyView entry = key(address);
  Gate& known = gate(entry, now);
  // A reload may have made the rate slower than what was let through: then this one is on credit.
  if (!policy::gcra_take(*rate_, known.arrival, now, 1).allowed) {
    known.arrival = std::max(known.arrival, now) + rate_->interval;
  }
  known_.set_end(entry, std::max(known.free_at(), now));
}

}  // namespace tocsin::delivery
