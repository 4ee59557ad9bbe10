#include "gateway/policy/token_bucket.h"

#include <algorithm>

namespace tocsin::policy {

std::optional<TokenBucket::Reservation> TokenBucket::reserve(MonoTime now, std::uint32_t cost,
                                                             Duration wait_max) {
  const Duration wait_limit = std::clamp(wait_max, Duration::zero(), RateLimit::kRefillMax);
  // interval * cost can pass the range of a Duration, so compare by division first.
  const Duration ahead_max = wait_limit + limit_.tolerance;
  if (cost > 0 && limit_.interval > ahead_max / cost) return std::nullopt;
  const MonoTime from = std::max(arrival_, now);
  const Duration ahead = (from - now) + limit_.interval * cost;
  if (ahead > ahead_max) return std::nullopt;
  Reservation granted;
  granted.before = arrival_;
  granted.ready_at = now + std::max(Duration::zero(), ahead - limit_.tolerance);
  granted.after = arrival_ = now + ahead;
  return granted;
}

bool TokenBucket::give_back(const Reservation& reservation) {
  if (arrival_ != reservation.after) return false;
  arrival_ = reservation.before;
  return true;
}

MonoTime TokenBucket::next_at(MonoTime now) const {
  const Duration ahead = (std::max(arrival_, now) - now) + limit_.interval;
  return now + std::max(Duration::zero(), ahead - limit_.tolerance);
}

}  // namespace tocsin::policy
