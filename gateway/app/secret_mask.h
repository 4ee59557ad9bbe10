#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/option.h"
#include "gateway/base/value.h"

namespace tocsin::app {

/// Takes the secrets of one component's settings out of texts made with them.
class SecretMask {
 public:
  /// Shorter ones are taken out only where they are all of a text: they stand everywhere.
  static constexpr std::size_t kBytesMin = 4;

  /// Every secret of `settings`, which `table` accepted.
  SecretMask(const OptionTable& table, const Value& settings);

  /// The text with *** for each secret, also where it was escaped for JSON, HTML or a URL.
  std::string masked(std::string text) const;

 private:
  void add(const Option& option, const Value& value, bool below_secret);
  void add_table(const OptionTable& table, const Value& settings);
  void add_text(std::string_view secret);

  std::vector<std::string> secrets_;  // with their escaped forms, the longest first
};

}  // namespace tocsin::app
