#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/base/option.h"
#include "gateway/base/value.h"
#include "gateway/config/component_catalog.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"

namespace tocsin::config {

/// A configuration that its table accepts.
struct LoadedConfig {
  Value root;
  std::vector<std::string> files;  ///< in the order read, the main file first
  SourceFiles sources;             ///< to show the lines of later, cross-field faults
  Diagnostics warnings;            ///< what is right by the rules and hardly meant
};

/// Why a configuration was refused: at least one diagnostic, sorted by place.
struct Rejection {
  Diagnostics diagnostics;
  SourceFiles sources;
};

/// Reads a file with its includes, fills in variables and files, and gives every setting its type.
/// The catalog and the tables must outlive the call only. Blocks on files; any thread.
tl::expected<LoadedConfig, Rejection> load(const std::string& path, const OptionTable& table,
                                           ComponentCatalog& catalog,
                                           const Environment& environment);

}  // namespace tocsin::config
