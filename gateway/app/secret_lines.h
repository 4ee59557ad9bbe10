#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "gateway/base/option.h"
#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"

namespace tocsin::app {

/// The lines of a configuration that hold a secret: no message shows them.
class SecretLines {
 public:
  /// Every secret of `settings`, which `table` accepted.
  void add(const OptionTable& table, const Value& settings);
  void add(const Place& place) { lines_.insert(line_of(place)); }
  /// Hides what must not be shown.
  void hide(config::Diagnostics& faults) const;

 private:
  using Line = std::pair<std::string, std::uint32_t>;
  static Line line_of(const Place& place) {
    return {place.file ? *place.file : std::string(), place.line};
  }
  void add_all(const Value& value);

  std::set<Line> lines_;
};

}  // namespace tocsin::app
