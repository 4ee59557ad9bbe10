#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tocsin/sdk/verdict.hpp"

namespace flaky {

/// What one attempt comes to; no verdict: it hangs until the host gives up.
struct Step {
  std::optional<tocsin::sdk::Verdict> verdict;
};

/// "delivered", "retry", "retry 2s", "throttled 500ms", "rejected", "target_gone", "ambiguous",
/// "unauthorized", "internal", "hang"; nothing for anything else.
std::optional<Step> parse_step(std::string_view text);
/// Why that is none, and what there is.
std::string no_step(std::string_view text);

/// Steps drawn by weight from a fixed seed, so that a test can be run again.
class Lottery {
 public:
  void add(Step step, double weight);
  void seed(std::uint64_t seed) { state_ = seed; }
  bool empty() const { return steps_.empty(); }
  const Step& draw();

 private:
  std::vector<Step> steps_;
  std::vector<double> sums_;  // of the weights up to and with each step
  std::uint64_t state_ = 0;
};

}  // namespace flaky
