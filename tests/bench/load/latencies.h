#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <vector>

// What bench programs say about the times they measured.

namespace tocsin::bench {

/// CLOCK_MONOTONIC, which all processes of a machine share: stamps of one are read by another.
inline std::uint64_t mono_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

/// All of them, so that no percentile is an estimate. Eight bytes each.
class Latencies {
 public:
  void add(std::uint64_t ns) { all_.push_back(ns); }
  std::size_t count() const { return all_.size(); }
  void clear() { all_.clear(); }

  /// "mean_ms":..,"p50_ms":..,"p95_ms":..,"p99_ms":..,"p999_ms":..,"max_ms":.. into `out`.
  void print(std::FILE* out) {
    std::sort(all_.begin(), all_.end());
    std::fprintf(out,
                 R"("mean_ms":%.4f,"p50_ms":%.4f,"p95_ms":%.4f,"p99_ms":%.4f,"p999_ms":%.4f,)"
                 R"("max_ms":%.4f)",
                 mean(), at(0.5), at(0.95), at(0.99), at(0.999), at(1));
  }

 private:
  double mean() const {
    const auto sum = std::accumulate(all_.begin(), all_.end(), std::uint64_t{0});
    return all_.empty() ? 0 : static_cast<double>(sum) / static_cast<double>(all_.size()) / 1e6;
  }

  double at(double share) const {
    if (all_.empty()) return 0;
    const auto last = static_cast<double>(all_.size() - 1);
    return static_cast<double>(all_[static_cast<std::size_t>(last * share)]) / 1e6;
  }

  std::vector<std::uint64_t> all_;
};

}  // namespace tocsin::bench
