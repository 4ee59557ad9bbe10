#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/telemetry/instruments.h"

namespace tocsin::telemetry {

inline constexpr std::size_t kMetricFamiliesMax = 1024;
inline constexpr std::size_t kMetricLabelKeysMax = 8;
/// Children of one family. What comes after them shares the child whose every label is "other".
inline constexpr std::size_t kMetricChildrenMax = 1000;
/// A label value that is longer, or is not UTF-8, counts as "other".
inline constexpr std::size_t kMetricLabelBytesMax = 128;
inline constexpr std::size_t kHistogramBoundsMax = 64;

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

/// What identifies a family. Asking again with an equal description gives the same family.
struct MetricDescription {
  std::string name;
  std::string help;
  MetricType type = MetricType::kCounter;
  std::vector<std::string> label_keys;
  std::vector<double> bounds;  ///< histograms only

  /// The help may differ.
  bool same_metric(const MetricDescription& other) const {
    return name == other.name && type == other.type && label_keys == other.label_keys &&
           bounds == other.bounds;
  }
};

/// All instruments of one name, told apart by label values. Lives as long as its Metrics.
template <typename Instrument>
class Family {
 public:
  using Children = std::map<std::vector<std::string>, std::unique_ptr<Instrument>>;

  Family(const MetricDescription& description, CellSlabs& slabs, std::mutex& mutex)
      : description_(description), slabs_(slabs), mutex_(mutex) {}
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  /// The instrument for these label values, one per key; made when new. Takes a lock: look it up at
  /// setup and keep the reference, which stays valid. Any thread.
  Instrument& with(std::span<const std::string_view> label_values);
  Instrument& with(std::initializer_list<std::string_view> label_values) {
    return with(std::span<const std::string_view>(label_values.begin(), label_values.size()));
  }

  const MetricDescription& description() const { return description_; }

 private:
  friend class Metrics;

  Instrument& child(std::vector<std::string> values);

  const MetricDescription& description_;
  CellSlabs& slabs_;
  std::mutex& mutex_;  // that of Metrics
  Children children_;
  std::uint64_t refused_ = 0;  // lookups that were given "other" instead of what they asked for
};

class Metrics;

/// Keeps a callback metric alive; destroying it waits for a running scrape and removes the metric.
class MetricCallback {
 public:
  MetricCallback() = default;
  MetricCallback(Metrics& metrics, std::uint64_t id) : metrics_(&metrics), id_(id) {}
  MetricCallback(MetricCallback&& other) noexcept
      : metrics_(std::exchange(other.metrics_, nullptr)), id_(other.id_) {}
  MetricCallback& operator=(MetricCallback&& other) noexcept;
  ~MetricCallback();

  explicit operator bool() const { return metrics_ != nullptr; }

 private:
  Metrics* metrics_ = nullptr;
  std::uint64_t id_ = 0;
};

/// The calling thread's right to write one shard alone, for as long as the claim lives. Made and
/// destroyed on that thread; a shard has one claim at a time.
class ShardClaim {
 public:
  ShardClaim(Metrics& metrics, std::size_t shard);
  ~ShardClaim();
  ShardClaim(const ShardClaim&) = delete;
  ShardClaim& operator=(const ShardClaim&) = delete;

 private:
  Metrics& metrics_;
  const std::size_t shard_;
  const ShardSlot before_;
};

/// The process's metrics. One object, passed by reference; must outlive all that it gave out.
/// Declaring and looking up is for setup, on any thread; the instruments are for the hot path.
class Metrics {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  using LabelKeys = std::span<const std::string_view>;

  /// `shards`: how many loops will claim one.
  explicit Metrics(std::size_t shards);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// Declares a family, or finds the equal one. Code::kInvalid: a name, help, key or bound that the
  /// exposition format or its conventions forbid (counters end in _total, nothing ends in _count,
  /// _sum or _bucket). Code::kExists: the name is taken by another type, other keys or bounds.
  /// Code::kFull: kMetricFamiliesMax. For names that come from outside, such as a plugin's.
  Result<Family<Counter>*> declare_counters(std::string_view name, std::string_view help,
                                            LabelKeys keys = {});
  Result<Family<Gauge>*> declare_gauges(std::string_view name, std::string_view help,
                                        LabelKeys keys = {});
  Result<Family<Histogram>*> declare_histograms(std::string_view name, std::string_view help,
                                                std::span<const double> bounds,
                                                LabelKeys keys = {});

  /// The same for names written in our own code, where a refusal is a bug.
  Family<Counter>& counters(std::string_view name, std::string_view help,
                            std::initializer_list<std::string_view> keys);
  Family<Gauge>& gauges(std::string_view name, std::string_view help,
                        std::initializer_list<std::string_view> keys);
  Family<Histogram>& histograms(std::string_view name, std::string_view help,
                                std::span<const double> bounds,
                                std::initializer_list<std::string_view> keys);
  /// Without labels.
  Counter& counter(std::string_view name, std::string_view help);
  Gauge& gauge(std::string_view name, std::string_view help);
  Histogram& histogram(std::string_view name, std::string_view help,
                       std::span<const double> bounds);

  /// A gauge or counter whose value is read when it is scraped. `read` is called by whichever
  /// thread scrapes, holds up declarations meanwhile and must not call this object; what it touches
  /// must outlive the returned handle. Several callbacks may share a name with different label
  /// values; the same name and values a second time is Code::kExists.
  [[nodiscard]] Result<MetricCallback> declare_callback(MetricType type, std::string_view name,
                                                        std::string_view help, Labels labels,
                                                        Function<double()> read);
  /// The same for our own code.
  [[nodiscard]] MetricCallback callback(MetricType type, std::string_view name,
                                        std::string_view help, Labels labels,
                                        Function<double()> read);

  /// Everything in the Prometheus text format 0.0.4, ordered by name and label values. Any thread,
  /// but not a serving loop: thousands of children take milliseconds.
  std::string expose();

 private:
  friend class MetricCallback;
  friend class ShardClaim;
  struct AnyFamily;
  struct Callback;
  struct Exposition;

  Result<AnyFamily*> find_or_make(MetricDescription description);
  template <typename Instrument>
  Result<Family<Instrument>*> declare(MetricDescription description);
  void remove_callback(std::uint64_t id);

  std::mutex mutex_;  // guards everything but the cells' values
  CellSlabs slabs_;
  std::vector<bool> shard_claimed_;
  std::map<std::string, std::unique_ptr<AnyFamily>, std::less<>> families_;
  std::uint64_t callbacks_made_ = 0;
};

}  // namespace tocsin::telemetry
