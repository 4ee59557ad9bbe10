#include "gateway/telemetry/metric_names.h"

#include <algorithm>
#include <cmath>

#include "gateway/base/text.h"

namespace tocsin::telemetry {
namespace {

constexpr std::size_t kNameBytesMax = 128;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_label_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && is_letter(name[0]) &&
         !name.starts_with("__") &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

// Prometheus allows colons too, for rules alone: what is scraped has none.
bool is_metric_name(std::string_view name) { return is_label_name(name); }

Result<void> check_name(const MetricDescription& metric) {
  const std::string_view name = metric.name;
  if (!is_metric_name(name)) {
    return fail(
        Code::kInvalid,
        "a metric name has letters, digits and underscores, starts with a letter and has at "
        "most 128",
        metric.name);
  }
  for (const std::string_view ending : {"_count", "_sum", "_bucket"}) {
    if (name.ends_with(ending)) {
      return fail(Code::kInvalid, "a metric name must not end in " + std::string(ending),
                  metric.name);
    }
  }
  if (name.ends_with("_total") != (metric.type == MetricType::kCounter)) {
    return fail(Code::kInvalid, "counters, and only they, end in _total", metric.name);
  }
  return {};
}

// The serializer writes help as it is, so what would need escaping is refused.
Result<void> check_help(const MetricDescription& metric) {
  const bool plain = std::none_of(metric.help.begin(), metric.help.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7F;
  });
  if (metric.help.empty() || !plain || !is_utf8(metric.help)) {
    return fail(Code::kInvalid, "a metric's help is one line of text without backslashes",
                metric.name);
  }
  return {};
}

Result<void> check_keys(const MetricDescription& metric) {
  const auto& keys = metric.label_keys;
  if (keys.size() > kMetricLabelKeysMax) {
    return fail(Code::kInvalid, "a metric has at most 8 label keys", metric.name);
  }
  for (auto key = keys.begin(); key != keys.end(); ++key) {
    if (!is_label_name(*key) || *key == "le" || *key == "quantile") {
      return fail(Code::kInvalid, "not a label key: " + *key, metric.name);
    }
    if (std::find(keys.begin(), key, *key) != key) {
      return fail(Code::kInvalid, "a label key is there twice: " + *key, metric.name);
    }
  }
  return {};
}

Result<void> check_bounds(const MetricDescription& metric) {
  const auto& bounds = metric.bounds;
  if (metric.type != MetricType::kHistogram) return {};
  if (bounds.empty() || bounds.size() > kHistogramBoundsMax) {
    return fail(Code::kInvalid, "a histogram has 1 to 64 bounds", metric.name);
  }
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (!std::isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1])) {
      return fail(Code::kInvalid, "histogram bounds are finite and ascending", metric.name);
    }
  }
  return {};
}

}  // namespace

Result<void> check_metric(const MetricDescription& description) {
  TOCSIN_TRY(check_name(description));
  TOCSIN_TRY(check_help(description));
  TOCSIN_TRY(check_keys(description));
  return check_bounds(description);
}

bool is_label_value(std::string_view value) {
  return value.size() <= kMetricLabelBytesMax && is_utf8(value);
}

}  // namespace tocsin::telemetry
