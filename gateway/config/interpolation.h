#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"
#include "gateway/config/node.h"

namespace tocsin::config {

/// A scalar's text with everything filled in.
struct Interpolated {
  std::string text;
  Node::Origin origin = Node::Origin::kWritten;
  bool has_default = false;  ///< some `${NAME:default}` was written, used or not
};

/// Why a scalar could not be filled in; `offset` points at its `$`, in bytes.
struct InterpolationFault {
  std::size_t offset = 0;
  std::string message;
  std::string hint;
};

/// Fills in `${NAME}`, `${NAME:default}` and `${file:PATH}`; `$$` stands for one `$`, any other `$`
/// for itself. `${env:NAME}`, `${FILE:PATH}`, `${secret:NAME}` and the like are faults, since here
/// they would mean a variable with a default. What is filled in is never looked at again. A file
/// loses one trailing newline; a relative PATH starts at `directory`. Faults never quote a
/// variable's or a file's content.
tl::expected<Interpolated, InterpolationFault> interpolate(std::string_view text,
                                                           const std::string& directory,
                                                           const Environment& environment);

/// Fills in every scalar value below `node`; keys are not filled in, and one that tries is a fault.
/// Appends what goes wrong, and leaves those scalars as written.
void interpolate_tree(Node& node, const Environment& environment, Diagnostics& faults);

}  // namespace tocsin::config
