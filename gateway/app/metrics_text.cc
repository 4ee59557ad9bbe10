#include "gateway/app/metrics_text.h"

#include <algorithm>
#include <charconv>

namespace tocsin::app {

namespace {

// Takes a quoted value from the front, with its escapes.
std::optional<std::string> take_quoted(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value += text[i] == 'n' ? '\n' : text[i];
    } else {
      value += text[i];
    }
  }
  return std::nullopt;
}

// name="value",... up to the brace, which is taken as well.
bool take_labels(std::string_view& text, std::vector<std::pair<std::string, std::string>>& labels) {
  while (!text.starts_with('}')) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos) return false;
    std::string name(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    auto value = take_quoted(text);
    if (!value) return false;
    labels.emplace_back(std::move(name), std::move(*value));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  text.remove_prefix(1);
  return true;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

}  // namespace

MetricsText MetricsText::read(std::string_view page) {
  MetricsText metrics;
  while (!page.empty()) {
    std::string_view line = page.substr(0, page.find('\n'));
    page.remove_prefix(std::min(page.size(), line.size() + 1));
    const std::size_t name_end = line.find_first_of("{ ");
    if (line.starts_with('#') || name_end == line.npos) continue;
    const std::string_view name = line.substr(0, name_end);
    line.remove_prefix(name_end);
    Sample sample;
    if (line.starts_with('{')) {
      line.remove_prefix(1);
      if (!take_labels(line, sample.labels)) continue;
    }
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    const auto value = number(line);
    if (!value) continue;
    sample.value = *value;
    metrics.samples_[std::string(name)].push_back(std::move(sample));
  }
  return metrics;
}

std::optional<double> MetricsText::sum(std::string_view name, const Labels& labels) const {
  const auto series = samples_.find(name);
  if (series == samples_.end()) return std::nullopt;
  std::optional<double> sum;
  for (const Sample& sample : series->second) {
    const bool wanted = std::ranges::all_of(labels, [&](const auto& label) {
      return std::ranges::any_of(sample.labels, [&](const auto& own) {
        return own.first == label.first && own.second == label.second;
      });
    });
    if (wanted) sum = sum.value_or(0) + sample.value;
  }
  return sum;
}

}  // namespace tocsin::app
