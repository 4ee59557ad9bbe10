#include "gateway/policy/concurrency_limit.h"

#include <algorithm>

#include "gateway/base/assert.h"

namespace tocsin::policy {

Result<void> ConcurrencyOptions::check() const {
  if (max == 0 || max > kLimitMax) return fail(Code::kInvalid, "max must be within 1 and 1000000");
  if (!adaptive) return {};
  if (min == 0 || min > max) return fail(Code::kInvalid, "min must be within 1 and max");
  if (initial < min || initial > max) return fail(Code::kInvalid, "initial must be in [min, max]");
  if (!(decrease > 0 && decrease < 1))
    return fail(Code::kInvalid, "decrease must be within 0 and 1");
  if (slow_call < Duration::zero()) return fail(Code::kInvalid, "slow_call must not be negative");
  if (!(slow_factor > 1)) return fail(Code::kInvalid, "slow_factor must be above 1");
  if (baseline_window <= Duration::zero() || settle < Duration::zero()) {
    return fail(Code::kInvalid, "baseline_window and settle must be durations");
  }
  return {};
}

ConcurrencyLimit::ConcurrencyLimit(const ConcurrencyOptions& options)
    : options_(options), limit_(options.adaptive ? options.initial : options.max) {
  TOCSIN_ASSERT(options.check(), "concurrency options were not checked");
}

bool ConcurrencyLimit::try_acquire() {
  if (in_flight_ >= limit()) return false;
  ++in_flight_;
  return true;
}

void ConcurrencyLimit::release(MonoTime now, Duration latency, Outcome outcome) {
  TOCSIN_ASSERT(in_flight_ > 0, "a place was released twice");
  // A limit nobody reaches must not grow on the praise of light traffic.
  const bool limit_was_used = in_flight_ * 2 >= limit();
  --in_flight_;
  if (!options_.adaptive || outcome == Outcome::kIgnored) return;
  const bool overloaded = outcome == Outcome::kOverload || is_slow(now, latency);
  if (outcome == Outcome::kSuccess) shortest_now_ = std::min(shortest_now_, latency);
  if (!overloaded) {
    if (limit_was_used) limit_ = std::min<double>(options_.max, limit_ + 1.0 / limit_);
  } else if (now >= settled_at_) {
    limit_ = std::max<double>(options_.min, limit_ * options_.decrease);
    settled_at_ = now + options_.settle;
  }
}

bool ConcurrencyLimit::is_slow(MonoTime now, Duration latency) {
  if (options_.slow_call > Duration::zero()) return latency >= options_.slow_call;
  if (now >= baseline_turn_) {
    // After a silence of two windows and more nothing recent is left to compare with.
    const bool stale =
        baseline_turn_ == MonoTime::min() || now - baseline_turn_ >= options_.baseline_window;
    shortest_before_ = stale ? Duration::max() : shortest_now_;
    shortest_now_ = Duration::max();
    baseline_turn_ = now + options_.baseline_window;
  }
  const Duration baseline = std::min(shortest_now_, shortest_before_);
  if (baseline == Duration::max()) return false;
  return static_cast<double>(latency.count()) >=
         options_.slow_factor * static_cast<double>(std::max<std::int64_t>(1, baseline.count()));
}

void ConcurrencyLimit::set_options(const ConcurrencyOptions& options) {
  TOCSIN_ASSERT(options.check(), "concurrency options were not checked");
  options_ = options;
  limit_ = options.adaptive ? std::clamp<double>(limit_, options.min, options.max) : options.max;
}

}  // namespace tocsin::policy
