#include "gateway/policy/gcra.h"

#include <algorithm>
#include <cmath>

namespace tocsin::policy {

Result<RateLimit> RateLimit::make(Rate rate, std::uint32_t burst) {
  if (!std::isfinite(rate.count) || rate.count <= 0 || rate.period <= Duration::zero()) {
    return fail(Code::kInvalid, "a rate must be positive, e.g. 10/s");
  }
  if (burst == 0) return fail(Code::kInvalid, "a burst must be at least 1");
  const double interval = std::ceil(static_cast<double>(rate.period.count()) / rate.count);
  const double refill = std::max(interval, 1.0) * burst;
  if (!(refill <= static_cast<double>(kRefillMax.count()))) {
    return fail(Code::kInvalid, "a burst must refill within ten years: raise the rate or lower it");
  }
  RateLimit limit;
  limit.interval = Duration(std::max<std::int64_t>(1, static_cast<std::int64_t>(interval)));
  limit.tolerance = limit.interval * burst;
  limit.burst = burst;
  return limit;
}

LimitDecision gcra_take(const RateLimit& limit, MonoTime& arrival, MonoTime now,
                        std::uint32_t cost) {
  LimitDecision decision;
  Duration spent = arrival <= now ? Duration::zero() : arrival - now;
  if (cost > limit.burst) {
    decision.retry_after = LimitDecision::kNever;
  } else if (const Duration after = spent + limit.interval * cost;
             after <= limit.tolerance || cost == 0) {
    decision.allowed = true;
    arrival = now + after;
    spent = after;
  } else {
    decision.retry_after = after - limit.tolerance;
  }
  const Duration left = std::max(Duration::zero(), limit.tolerance - spent);
  decision.remaining = static_cast<std::uint32_t>(left / limit.interval);
  decision.reset_after = spent;
  return decision;
}

}  // namespace tocsin::policy
