#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/option.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"
#include "gateway/config/node.h"

namespace tocsin::config {

/// What is wrong with a template that stands in a configuration.
struct TemplateFault {
  std::size_t offset = 0;  ///< the byte of the template's text
  std::string what;        ///< one sentence without a full stop
  /// The text that the template includes, and that the fault is in; null: the template itself.
  const Node* part = nullptr;
  bool part_is_file = false;  ///< that text is all of a file, and its place names it
};

/// Which components exist, by kind and name, with the options each declares. Built-in components
/// and loaded plugins look the same here.
class ComponentCatalog {
 public:
  virtual ~ComponentCatalog() = default;

  /// Called with the tree before anything is looked up, for a catalog that the configuration itself
  /// tells where to look. What it reads it leaves in `sources`. Faults refuse the configuration.
  virtual void prepare(const Node& /*root*/, const Environment& /*environment*/,
                       SourceFiles& /*sources*/, Diagnostics& /*faults*/) {}

  /// Where the presets of outputs are looked for, in this order.
  virtual std::vector<std::string> preset_folders(const Node& /*root*/) const { return {}; }

  /// The table of one component, or null. It lives as long as the catalog.
  virtual const OptionTable* find(std::string_view kind, std::string_view name) const = 0;

  /// All names of a kind, sorted, also of those that cannot be used.
  virtual std::vector<std::string_view> names(std::string_view kind) const = 0;

  /// Why a component that is there cannot be used, in a sentence; empty for the others.
  virtual std::string refusal(std::string_view /*kind*/, std::string_view /*name*/) const {
    return {};
  }

  /// What is wrong with a text of an Option::kTemplate of a component of this kind, whose settings
  /// `component` holds as they were written; empty: none is.
  virtual std::optional<TemplateFault> template_fault(std::string_view /*kind*/,
                                                      const Node& /*component*/,
                                                      std::string_view /*text*/) const {
    return std::nullopt;
  }
};

}  // namespace tocsin::config
