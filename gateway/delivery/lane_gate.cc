#include "gateway/delivery/lane_gate.h"

namespace tocsin::delivery {

namespace {
constexpr std::size_t kLooksMax = 16;
}  // namespace

void ClosedAddresses::close(std::string_view address, MonoTime until, MonoTime now) {
  const policy::KeyView entry = key(address);
  if (MonoTime* before = closed_.find(entry, now)) {
    if (*before >= until) return;
    *before = until;
    closed_.set_end(entry, until);
    return;
  }
  closed_.remove(entry, [](MonoTime) {});
  closed_.sweep(now, kLooksMax, [](MonoTime) {});
  if (closed_.size() >= kAddressesMax) closed_.displace_soonest(kLooksMax);
  closed_.insert(entry, until, until, address.size());
}

Duration ClosedAddresses::closed_for(std::string_view address, MonoTime now) {
  if (closed_.size() == 0) return Duration::zero();
  const MonoTime* until = closed_.find(key(address), now);
  return until == nullptr ? Duration::zero() : *until - now;
}

}  // namespace tocsin::delivery
