#include "gateway/policy/backoff.h"

#include <algorithm>
#include <cmath>

namespace tocsin::policy {

namespace {

/// Beyond this a wait is a mistake, and below it no sum of waits leaves the range of a Duration.
constexpr Duration kWaitMax = std::chrono::hours(24 * 365);

bool is_wait(Duration value) { return value > Duration::zero() && value <= kWaitMax; }

/// Uniform within [0, limit]: the high half of a 64 x 64 bit product.
Duration uniform(Duration limit, std::uint64_t random_bits) {
  const auto range = static_cast<std::uint64_t>(limit.count()) + 1;
  const auto product = static_cast<unsigned __int128>(random_bits) * range;
  return Duration(static_cast<std::int64_t>(product >> 64));
}

}  // namespace

Result<Backoff> Backoff::make(BackoffOptions options) {
  if (options.max_attempts == 0) return fail(Code::kInvalid, "max_attempts must be at least 1");
  if (!is_wait(options.initial)) return fail(Code::kInvalid, "initial must be within 0 and a year");
  if (!is_wait(options.max) || options.max < options.initial) {
    return fail(Code::kInvalid, "max must be within initial and a year");
  }
  if (!(options.multiplier >= 1.0 && options.multiplier <= 100.0)) {
    return fail(Code::kInvalid, "multiplier must be within 1 and 100");
  }
  if (!is_wait(options.retry_after_max)) {
    return fail(Code::kInvalid, "retry_after_max must be within 0 and a year");
  }
  if (options.schedule.size() > kScheduleMax) {
    return fail(Code::kInvalid, "schedule may have at most 64 entries");
  }
  if (!std::all_of(options.schedule.begin(), options.schedule.end(), is_wait)) {
    return fail(Code::kInvalid, "schedule entries must be within 0 and a year");
  }
  return Backoff(std::move(options));
}

std::optional<Duration> Backoff::wait(std::uint32_t attempt, std::uint64_t random_bits,
                                      Duration retry_after) const {
  if (attempt >= attempts_max()) return std::nullopt;
  if (retry_after > Duration::zero()) {
    return stretched(std::min(retry_after, options_.retry_after_max), random_bits);
  }
  if (!options_.schedule.empty()) {
    return stretched(options_.schedule[std::max(attempt, 1u) - 1], random_bits);
  }
  const Duration limit = ceiling(attempt);
  return options_.jitter == Jitter::kFull ? uniform(limit, random_bits) : limit;
}

Duration Backoff::ceiling(std::uint32_t attempt) const {
  const double exponent = attempt <= 1 ? 0.0 : static_cast<double>(attempt - 1);
  // Infinity is fine here: the comparison catches it before it becomes an integer.
  const double grown =
      static_cast<double>(options_.initial.count()) * std::pow(options_.multiplier, exponent);
  if (grown >= static_cast<double>(options_.max.count())) return options_.max;
  return Duration(static_cast<std::int64_t>(grown));
}

std::uint32_t Backoff::attempts_max() const {
  if (options_.schedule.empty()) return options_.max_attempts;
  return static_cast<std::uint32_t>(options_.schedule.size()) + 1;
}

Duration Backoff::stretched(Duration wait, std::uint64_t random_bits) const {
  if (options_.jitter == Jitter::kNone) return wait;
  return wait + uniform(wait / kStretchParts, random_bits);
}

}  // namespace tocsin::policy
