#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/telemetry/metric_cells.h"

namespace tocsin::telemetry {

/// Counts what happened. Any thread; on a loop that claimed a shard an addition is a load and a
/// store.
class Counter {
 public:
  explicit Counter(CellSlabs& slabs) : cells_(slabs, 1) {}

  void add(std::uint64_t amount = 1) { cells_.add(0, amount); }
  std::uint64_t value() const { return cells_.sum(0); }

 private:
  Cells cells_;
};

/// A value that goes up and down. Either move it with add() from anywhere, or set() it; a gauge
/// that is both set and moved has no meaning once two threads do so.
class Gauge {
 public:
  explicit Gauge(CellSlabs& slabs) : cells_(slabs, 1) {}

  void add(double amount = 1) { cells_.add(0, amount); }
  void subtract(double amount = 1) { cells_.add(0, -amount); }
  void set(double value) { cells_.set_shared(0, value); }
  double value() const { return cells_.sum_of_doubles(0); }

 private:
  Cells cells_;
};

/// Counts observations by fixed buckets. `bounds` are inclusive upper bounds, ascending; the bucket
/// above the last one is implied. Durations are observed in seconds.
class Histogram {
 public:
  /// What a scrape sees. `counts` has one entry per bound and a last one for everything above.
  struct Reading {
    std::vector<std::uint64_t> counts;
    double sum = 0;
  };

  Histogram(CellSlabs& slabs, std::span<const double> bounds)
      : bounds_(bounds), cells_(slabs, bounds.size() + 2) {}

  /// NaN is not counted.
  void observe(double value) {
    if (std::isnan(value)) [[unlikely]]
      return;
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    cells_.add(bucket, std::uint64_t{1});
    cells_.add(bounds_.size() + 1, value);
  }
  void observe(Duration value) { observe(std::chrono::duration<double>(value).count()); }

  std::span<const double> bounds() const { return bounds_; }
  Reading read() const;

 private:
  const std::span<const double> bounds_;  // owned by the family
  Cells cells_;
};

/// Bounds for times of requests and deliveries, 0.5 ms to 10 s.
inline constexpr double kLatencyBounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                            0.1,    0.25,  0.5,    1,     2.5,  5,     10};

}  // namespace tocsin::telemetry
