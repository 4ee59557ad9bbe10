// Turns our instruments into prometheus-cpp's plain structs and lets its serializer write them.
// prometheus-cpp's own instruments are not used: its histogram takes a lock for each observation.
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "gateway/telemetry/metric_family.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::telemetry {
namespace {

using Sample = prometheus::ClientMetric;

void set_value(Sample& sample, MetricType type, double value) {
  if (type == MetricType::kCounter) {
    sample.counter.value = value;
  } else {
    sample.gauge.value = value;
  }
}

void fill(Sample& sample, const Counter& counter) {
  sample.counter.value = static_cast<double>(counter.value());
}

void fill(Sample& sample, const Gauge& gauge) { sample.gauge.value = gauge.value(); }

// The number of observations is what the buckets add up to, so the two always agree although loops
// go on counting.
void fill(Sample& sample, const Histogram& histogram) {
  const Histogram::Reading reading = histogram.read();
  const std::span<const double> bounds = histogram.bounds();
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    below += reading.counts[i];
    sample.histogram.bucket.push_back({below, bounds[i]});
  }
  sample.histogram.sample_count = below + reading.counts.back();
  sample.histogram.sample_sum = reading.sum;
}

prometheus::MetricType type_of(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

}  // namespace

// Collects under the lock of Metrics; visits what stands behind each name.
struct Metrics::Exposition {
  std::vector<prometheus::MetricFamily> families;
  prometheus::MetricFamily refused{"tocsin_metric_labels_refused_total",
                                   "Lookups counted under \"other\" because a metric had too many "
                                   "children or a label value was unfit",
                                   prometheus::MetricType::Counter,
                                   {}};

  void add(AnyFamily& family) {
    const MetricDescription& description = family.description;
    prometheus::MetricFamily out{description.name, description.help, type_of(description.type), {}};
    std::visit([&](auto& source) { collect(description, source, out); }, family.kind);
    if (!out.metric.empty()) families.push_back(std::move(out));
  }

  static Sample& add_sample(prometheus::MetricFamily& out, const MetricDescription& description,
                            const std::vector<std::string>& label_values) {
    Sample& sample = out.metric.emplace_back();
    for (std::size_t i = 0; i < label_values.size(); ++i) {
      sample.label.push_back({description.label_keys[i], label_values[i]});
    }
    return sample;
  }

  template <typename Instrument>
  void collect(const MetricDescription& description,
               const std::unique_ptr<Family<Instrument>>& source, prometheus::MetricFamily& out) {
    for (const auto& [label_values, instrument] : source->children_) {
      fill(add_sample(out, description, label_values), *instrument);
    }
    if (source->refused_ == 0) return;
    Sample& sample = refused.metric.emplace_back();
    sample.label.push_back({"metric", description.name});
    sample.counter.value = static_cast<double>(source->refused_);
  }

  void collect(const MetricDescription& description, AnyFamily::Callbacks& source,
               prometheus::MetricFamily& out) {
    for (Callback& callback : source) {
      set_value(add_sample(out, description, callback.label_values), description.type,
                callback.read());
    }
  }

  void collect(const MetricDescription&, std::monostate, prometheus::MetricFamily&) {}
};

Histogram::Reading Histogram::read() const {
  Reading reading;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) reading.counts.push_back(cells_.sum(i));
  reading.sum = cells_.sum_of_doubles(bounds_.size() + 1);
  return reading;
}

std::string Metrics::expose() {
  Exposition exposition;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, family] : families_) exposition.add(*family);
  }
  if (!exposition.refused.metric.empty()) {
    exposition.families.push_back(std::move(exposition.refused));
  }
  return prometheus::TextSerializer().Serialize(exposition.families);
}

}  // namespace tocsin::telemetry
