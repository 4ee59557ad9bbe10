#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::app {

/// A page of metrics in the Prometheus text format, to be asked for sums.
class MetricsText {
 public:
  /// Lines that are no samples are left out: a gateway may be newer.
  static MetricsText read(std::string_view page);

  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;
  /// The sum over all series of that name that have these labels; nothing when there is none.
  std::optional<double> sum(std::string_view name, const Labels& labels = {}) const;

 private:
  struct Sample {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
  };
  std::map<std::string, std::vector<Sample>, std::less<>> samples_;
};

}  // namespace tocsin::app
