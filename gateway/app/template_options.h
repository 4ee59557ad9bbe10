#pragma once

#include <array>
#include <vector>

#include "gateway/base/option.h"

namespace tocsin::app {

/// `templates:` at the top of a gateway file. Static.
const Option& templates_option();

/// `values:` of an output. Static.
const Option& output_values_option();

/// What an output of one plugin may write under `templates`, made of the plugin's own template
/// options. Stays where it is, since options point at one another.
class OutputTemplateOptions {
 public:
  OutputTemplateOptions() = default;
  OutputTemplateOptions(const OutputTemplateOptions&) = delete;
  OutputTemplateOptions& operator=(const OutputTemplateOptions&) = delete;

  /// False: the plugin has no templates, and there is nothing to write.
  bool make(const OptionTable& plugin);
  /// Lives as long as this object.
  const Option& option() const { return option_; }

 private:
  std::vector<Option> texts_;
  OptionTable topic_table_;
  Option topic_;
  std::array<Option, 3> keys_;
  OptionTable table_;
  Option option_;
};

}  // namespace tocsin::app
