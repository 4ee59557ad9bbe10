#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/option.h"

namespace tocsin::config {

/// Which components exist, by kind and name, with the options each declares. Built-in components
/// and loaded plugins look the same here.
class ComponentCatalog {
 public:
  virtual ~ComponentCatalog() = default;

  /// The table of one component, or null. It lives as long as the catalog.
  virtual const OptionTable* find(std::string_view kind, std::string_view name) const = 0;

  /// All names of a kind, sorted.
  virtual std::vector<std::string_view> names(std::string_view kind) const = 0;

  /// Why a component that is there cannot be used, in a sentence; empty for the others.
  virtual std::string refusal(std::string_view /*kind*/, std::string_view /*name*/) const {
    return {};
  }
};

}  // namespace tocsin::config
