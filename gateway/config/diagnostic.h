#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/value.h"

namespace tocsin::config {

/// One fault of a configuration, in an operator's words.
struct Diagnostic {
  Place place;
  std::string path;          ///< the setting, "listeners.public.address"; empty: the file as such
  std::string message;       ///< what is wrong, one sentence without a full stop
  std::string hint;          ///< what would be right; may be empty
  bool hide_source = false;  ///< the line holds a secret and is not shown
};

using Diagnostics = std::vector<Diagnostic>;

/// Orders by file, then place; equal places keep their order.
void sort_by_place(Diagnostics& diagnostics);

/// The text of every file that was read, so that a message can show its line.
class SourceFiles {
 public:
  /// Keeps a file's text. The returned name is shared by all places in that file.
  std::shared_ptr<const std::string> add(std::string name, std::string text);

  /// The text kept for a name from add().
  std::string_view text(const std::string& name) const;

  /// The line a place points into, without its line break; nothing for a file that is not kept.
  std::optional<std::string_view> line(const Place& place) const;

 private:
  std::map<std::string, std::string, std::less<>> texts_;
};

/// How a terminal shows diagnostics.
struct PrintStyle {
  bool colour = false;
  std::size_t shown_max = 50;  ///< the rest is counted in one last line
};

/// Appends every diagnostic as a compiler does: "file:line:column: path: message", the source line,
/// a caret, and the hint. Control bytes of the source are shown as '?'.
void append_text(std::string& out, const Diagnostics& diagnostics, const SourceFiles& sources,
                 const PrintStyle& style = {});

/// "file:line:column: path: message; hint" on one line, for logs and admin answers.
std::string one_line(const Diagnostic& diagnostic);

}  // namespace tocsin::config
