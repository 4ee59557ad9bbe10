#include "gateway/policy/retry_budget.h"

#include <algorithm>

#include "gateway/base/assert.h"

namespace tocsin::policy {

Result<void> RetryBudgetOptions::check() const {
  if (!(share >= 0 && share <= 10)) return fail(Code::kInvalid, "share must be within 0 and 10");
  if (window <= Duration::zero()) return fail(Code::kInvalid, "window must be positive");
  return {};
}

RetryBudget::RetryBudget(const RetryBudgetOptions& options)
    : options_(options), window_(options.window) {
  TOCSIN_ASSERT(options.check(), "retry budget options were not checked");
}

void RetryBudget::set_options(const RetryBudgetOptions& options) {
  TOCSIN_ASSERT(options.check(), "retry budget options were not checked");
  if (options.window != options_.window) window_ = TimeWindow<Counts>(options.window);
  options_ = options;
}

std::uint64_t RetryBudget::remaining(MonoTime now) {
  const Counts counts = window_.total(now);
  const auto share =
      static_cast<std::uint64_t>(options_.share * static_cast<double>(counts.requests));
  const std::uint64_t granted = std::max<std::uint64_t>(options_.retries_min, share);
  // What is given back may outlive, in the window, the grant that it undoes.
  const std::uint64_t spent =
      counts.retries > counts.given_back ? counts.retries - counts.given_back : 0;
  return granted > spent ? granted - spent : 0;
}

bool RetryBudget::try_retry(MonoTime now) {
  if (remaining(now) == 0) return false;
  ++window_.at(now).retries;
  return true;
}

}  // namespace tocsin::policy
