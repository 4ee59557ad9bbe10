#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"
#include "gateway/config/node.h"

namespace tocsin::config {

/// What is said of a main file that holds nothing, and what it should; other kinds of files than
/// configurations have words of their own for it.
inline constexpr std::string_view kEmptyFile = "the file is empty: it configures nothing";

/// A main file and all that it includes, as one tree, with every scalar filled in.
struct FileSet {
  Node root;
  std::vector<std::string> files;  ///< in the order read, the main file first
  Diagnostics warnings;            ///< patterns that match no file
};

/// Reads `path` and follows `include:` at the top of each file: a path or a list of paths, relative
/// to the including file, each a plain name (which must exist) or a pattern (which may match none).
///
/// Mappings merge, at any depth. Lists are joined: the including file's items first, then those of
/// the included files, as `include` lists them and a pattern's in the byte order of their names.
/// Any other key in two files is a fault that names both places, and so is a file included twice.
/// The text of every file read is left in `sources`, also on failure.
tl::expected<FileSet, Diagnostics> read_files(const std::string& path,
                                              const Environment& environment, SourceFiles& sources);

}  // namespace tocsin::config
