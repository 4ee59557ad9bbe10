#pragma once

#include <cstdint>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/policy/time_window.h"

namespace tocsin::policy {

struct RetryBudgetOptions {
  double share = 0.2;             ///< retries per first try
  std::uint32_t retries_min = 3;  ///< per window, whatever the traffic
  Duration window = std::chrono::seconds(10);

  /// Code::kInvalid naming the setting that cannot work.
  Result<void> check() const;
};

/// Keeps retries a bounded share of recent traffic, so that a failing receiver sees at most 1 +
/// share times the load and not max_attempts times it. At each grant the window's retries, that one
/// included and less what was given back, are at most max(retries_min, share * first tries). Not
/// synchronised: one loop's.
class RetryBudget {
 public:
  /// `options` must pass check(); asserts.
  explicit RetryBudget(const RetryBudgetOptions& options);

  /// A first try was started.
  void on_request(MonoTime now) { ++window_.at(now).requests; }

  /// True, and spent, when one more retry fits.
  bool try_retry(MonoTime now);

  /// A retry that was granted was worth it: it no longer counts. A receiver that has recovered is
  /// so given its backlog as fast as it takes it.
  void give_back(MonoTime now) { ++window_.at(now).given_back; }

  /// New settings at a reload; a window of another length starts empty.
  void set_options(const RetryBudgetOptions& options);

  /// Retries that would be granted now.
  std::uint64_t remaining(MonoTime now);
  const RetryBudgetOptions& options() const { return options_; }

 private:
  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
    std::uint64_t given_back = 0;
    Counts& operator+=(const Counts& other) {
      requests += other.requests;
      retries += other.retries;
      given_back += other.given_back;
      return *this;
    }
  };

  RetryBudgetOptions options_;
  TimeWindow<Counts> window_;
};

}  // namespace tocsin::policy
