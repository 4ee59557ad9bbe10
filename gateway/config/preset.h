#pragma once

#include <string>
#include <vector>

#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"
#include "gateway/config/node.h"

namespace tocsin::config {

/// Fills in the outputs that name a preset: `preset: discord` is the file discord.yaml of the first
/// of `folders` that has one. It holds keys of an output, each of which counts where the output
/// does not have it; mappings are joined at any depth, and lists are the output's own or the
/// preset's. What comes from a preset keeps its place there. Both name the same `type`.
///
/// Faults: a name that is none or that no folder has, a file that cannot be read, another type. The
/// text of every file read is left in `sources`.
void apply_presets(Node& root, const std::vector<std::string>& folders,
                   const Environment& environment, SourceFiles& sources, Diagnostics& faults);

}  // namespace tocsin::config
