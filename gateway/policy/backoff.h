#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"

namespace tocsin::policy {

enum class Jitter : std::uint8_t {
  kFull,  ///< anywhere between zero and the ceiling, so that those who failed together part ways
  kNone,  ///< exactly the ceiling
};

/// Settings of a retry policy; plain data, checked by Backoff::make().
struct BackoffOptions {
  std::uint32_t max_attempts = 10;  ///< tries in all, the first included; ignored with a schedule
  Duration initial = std::chrono::seconds(1);
  Duration max = std::chrono::minutes(5);
  double multiplier = 2.0;
  Jitter jitter = Jitter::kFull;
  /// Written-out waits instead of the curve, e.g. 5s 5m 30m 2h: one more try than entries.
  std::vector<Duration> schedule{};
  /// A receiver may ask for a longer wait than ours, but not for more than this.
  Duration retry_after_max = std::chrono::hours(1);
};

/// How long to wait before trying again. A value without state: the attempt's number and the random
/// bits are arguments. Immutable, so any thread may use it.
class Backoff {
 public:
  static constexpr std::size_t kScheduleMax = 64;
  /// A scheduled or asked-for wait is a promise not to come earlier; it is stretched by up to a
  /// tenth so that those who were told the same instant part ways too.
  static constexpr std::int64_t kStretchParts = 10;

  /// Code::kInvalid with the offending setting named: durations positive, max not below initial,
  /// multiplier within 1 and 100, at least one attempt, at most kScheduleMax schedule entries.
  static Result<Backoff> make(BackoffOptions options);

  /// The wait after failed attempt number `attempt` (the first is 1), or nothing when that was the
  /// last one. `retry_after` is what the receiver asked for: positive, it replaces the curve and
  /// the schedule's entry, up to retry_after_max. `random_bits` are 64 uniform bits.
  std::optional<Duration> wait(std::uint32_t attempt, std::uint64_t random_bits,
                               Duration retry_after = Duration::zero()) const;

  /// The same, drawing from a 64-bit generator.
  template <std::uniform_random_bit_generator Generator>
  std::optional<Duration> wait_with(Generator& generator, std::uint32_t attempt,
                                    Duration retry_after = Duration::zero()) const {
    static_assert(Generator::min() == 0 &&
                  Generator::max() == std::numeric_limits<std::uint64_t>::max());
    return wait(attempt, generator(), retry_after);
  }

  /// The curve without jitter: min(max, initial * multiplier^(attempt - 1)).
  Duration ceiling(std::uint32_t attempt) const;
  /// Tries in all.
  std::uint32_t attempts_max() const;
  const BackoffOptions& options() const { return options_; }

 private:
  explicit Backoff(BackoffOptions options) : options_(std::move(options)) {}
  Duration stretched(Duration wait, std::uint64_t random_bits) const;

  BackoffOptions options_;
};

}  // namespace tocsin::policy
