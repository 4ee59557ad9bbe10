#include "gateway/telemetry/metrics.h"

#include <algorithm>
#include <type_traits>

#include "gateway/base/assert.h"
#include "gateway/telemetry/metric_family.h"
#include "gateway/telemetry/metric_names.h"

namespace tocsin::telemetry {
namespace {

constexpr std::string_view kOther = "other";

std::vector<std::string> owned(std::span<const std::string_view> texts) {
  return {texts.begin(), texts.end()};
}

MetricDescription describe(MetricType type, std::string_view name, std::string_view help,
                           std::span<const std::string_view> keys,
                           std::span<const double> bounds = {}) {
  return {std::string(name), std::string(help), type, owned(keys), {bounds.begin(), bounds.end()}};
}

// For names written in our own code.
template <typename T>
T must(Result<T> result) {
  TOCSIN_ASSERT(result.has_value(), result.has_value() ? "" : result.error().what.c_str());
  return *std::move(result);
}

}  // namespace

template <typename Instrument>
Instrument& Family<Instrument>::with(std::span<const std::string_view> label_values) {
  TOCSIN_ASSERT(label_values.size() == description_.label_keys.size(),
                "a metric was asked for with another number of labels than it has");
  const std::lock_guard lock(mutex_);
  std::vector<std::string> values = owned(label_values);
  if (const auto found = children_.find(values); found != children_.end()) return *found->second;
  const bool room = children_.size() < kMetricChildrenMax;
  if (room && std::all_of(label_values.begin(), label_values.end(), is_label_value)) {
    return child(std::move(values));
  }
  ++refused_;
  return child(std::vector<std::string>(label_values.size(), std::string(kOther)));
}

template <typename Instrument>
Instrument& Family<Instrument>::child(std::vector<std::string> values) {
  std::unique_ptr<Instrument>& place = children_[std::move(values)];
  if (place) return *place;
  if constexpr (std::is_same_v<Instrument, Histogram>) {
    place = std::make_unique<Histogram>(slabs_, description_.bounds);
  } else {
    place = std::make_unique<Instrument>(slabs_);
  }
  return *place;
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

Metrics::Metrics(std::size_t shards) : slabs_(shards), shard_claimed_(shards, false) {}

Metrics::~Metrics() = default;

// The family of that name, new or equal to the one described. A new one has no kind yet.
Result<Metrics::AnyFamily*> Metrics::find_or_make(MetricDescription description) {
  if (const auto found = families_.find(description.name); found != families_.end()) {
    if (found->second->description.same_metric(description)) return found->second.get();
    return fail(Code::kExists, "the metric is there with another type, other labels or bounds",
                description.name);
  }
  TOCSIN_TRY(check_metric(description));
  if (families_.size() >= kMetricFamiliesMax) {
    return fail(Code::kFull, "there are too many metrics", description.name);
  }
  auto family = std::make_unique<AnyFamily>(std::move(description));
  AnyFamily* const made = family.get();
  families_.emplace(made->description.name, std::move(family));
  return made;
}

template <typename Instrument>
Result<Family<Instrument>*> Metrics::declare(MetricDescription description) {
  using Owned = std::unique_ptr<Family<Instrument>>;
  const std::lock_guard lock(mutex_);
  TOCSIN_TRY_SET(family, find_or_make(std::move(description)));
  if (std::holds_alternative<std::monostate>(family->kind)) {
    family->kind = std::make_unique<Family<Instrument>>(family->description, slabs_, mutex_);
  }
  if (const auto* same = std::get_if<Owned>(&family->kind)) return same->get();
  return fail(Code::kExists, "the metric is read by a callback", family->description.name);
}

Result<Family<Counter>*> Metrics::declare_counters(std::string_view name, std::string_view help,
                                                   LabelKeys keys) {
  return declare<Counter>(describe(MetricType::kCounter, name, help, keys));
}

Result<Family<Gauge>*> Metrics::declare_gauges(std::string_view name, std::string_view help,
                                               LabelKeys keys) {
  return declare<Gauge>(describe(MetricType::kGauge, name, help, keys));
}

Result<Family<Histogram>*> Metrics::declare_histograms(std::string_view name, std::string_view help,
                                                       std::span<const double> bounds,
                                                       LabelKeys keys) {
  return declare<Histogram>(describe(MetricType::kHistogram, name, help, keys, bounds));
}

Family<Counter>& Metrics::counters(std::string_view name, std::string_view help,
                                   std::initializer_list<std::string_view> keys) {
  return *must(declare_counters(name, help, LabelKeys(keys.begin(), keys.size())));
}

Family<Gauge>& Metrics::gauges(std::string_view name, std::string_view help,
                               std::initializer_list<std::string_view> keys) {
  return *must(declare_gauges(name, help, LabelKeys(keys.begin(), keys.size())));
}

Family<Histogram>& Metrics::histograms(std::string_view name, std::string_view help,
                                       std::span<const double> bounds,
                                       std::initializer_list<std::string_view> keys) {
  return *must(declare_histograms(name, help, bounds, LabelKeys(keys.begin(), keys.size())));
}

Counter& Metrics::counter(std::string_view name, std::string_view help) {
  return counters(name, help, {}).with({});
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help) {
  return gauges(name, help, {}).with({});
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help,
                              std::span<const double> bounds) {
  return histograms(name, help, bounds, {}).with({});
}

Result<MetricCallback> Metrics::declare_callback(MetricType type, std::string_view name,
                                                 std::string_view help, Labels labels,
                                                 Function<double()> read) {
  TOCSIN_ASSERT(type != MetricType::kHistogram, "a histogram cannot be read by a callback");
  std::vector<std::string_view> keys;
  std::vector<std::string> values;
  for (const auto& [key, value] : labels) {
    keys.push_back(key);
    if (!is_label_value(value)) {
      return fail(Code::kInvalid, "a label value is too long or not UTF-8", std::string(name));
    }
    values.emplace_back(value);
  }

  const std::lock_guard lock(mutex_);
  TOCSIN_TRY_SET(family, find_or_make(describe(type, name, help, keys)));
  if (std::holds_alternative<std::monostate>(family->kind)) family->kind = AnyFamily::Callbacks{};
  auto* const callbacks = std::get_if<AnyFamily::Callbacks>(&family->kind);
  const bool taken = callbacks == nullptr ||
                     std::any_of(callbacks->begin(), callbacks->end(), [&](const Callback& other) {
                       return other.label_values == values;
                     });
  if (taken) return fail(Code::kExists, "the metric has a source already", std::string(name));
  if (callbacks->size() >= kMetricChildrenMax) {
    return fail(Code::kFull, "the metric has too many callbacks", std::string(name));
  }
  const std::uint64_t id = ++callbacks_made_;
  callbacks->push_back({id, std::move(values), std::move(read)});
  return MetricCallback(*this, id);
}

MetricCallback Metrics::callback(MetricType type, std::string_view name, std::string_view help,
                                 Labels labels, Function<double()> read) {
  return must(declare_callback(type, name, help, labels, std::move(read)));
}

void Metrics::remove_callback(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, family] : families_) {
    auto* const callbacks = std::get_if<AnyFamily::Callbacks>(&family->kind);
    if (callbacks == nullptr) continue;
    if (std::erase_if(*callbacks, [id](const Callback& c) { return c.id == id; }) > 0) return;
  }
}

MetricCallback& MetricCallback::operator=(MetricCallback&& other) noexcept {
  if (this == &other) return *this;
  if (metrics_ != nullptr) metrics_->remove_callback(id_);
  metrics_ = std::exchange(other.metrics_, nullptr);
  id_ = other.id_;
  return *this;
}

MetricCallback::~MetricCallback() {
  if (metrics_ != nullptr) metrics_->remove_callback(id_);
}

ShardClaim::ShardClaim(Metrics& metrics, std::size_t shard)
    : metrics_(metrics), shard_(shard), before_(this_thread_shard) {
  const std::lock_guard lock(metrics_.mutex_);
  TOCSIN_ASSERT(shard < metrics_.slabs_.shards(), "a shard beyond the metrics' number was claimed");
  TOCSIN_ASSERT(!metrics_.shard_claimed_[shard], "a shard was claimed twice");
  metrics_.shard_claimed_[shard] = true;
  this_thread_shard = {&metrics_.slabs_, shard * CellSlabs::kColumns};
}

ShardClaim::~ShardClaim() {
  TOCSIN_ASSERT(this_thread_shard.owner == &metrics_.slabs_,
                "a shard claim ended on another thread than it began");
  this_thread_shard = before_;
  const std::lock_guard lock(metrics_.mutex_);
  metrics_.shard_claimed_[shard_] = false;
}

}  // namespace tocsin::telemetry
