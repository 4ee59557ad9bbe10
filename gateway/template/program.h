#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/template/expression.h"
#include "gateway/template/template.h"

namespace tocsin::templates {

enum class SlotKind : std::uint8_t {
  kRoot,      ///< the whole template, as if it were a section; the first slot
  kBreak,     ///< a line break
  kValue,     ///< a value
  kSection,   ///< a section
  kInverted,  ///< an inverted section
  kEnd        ///< the mark behind the last character
};

/// What stands at a place of the flat text.
struct Slot {
  SlotKind kind;
  std::string literal;  ///< kBreak
  Expression expression;
  Escape escape = Escape::kNone;
  /// Inside a section over labels or data: what its items have of this name comes first.
  std::vector<std::string> item_path;
  std::size_t literal_bytes = 0;  ///< of the text right inside a section, which each turn repeats
  Spot spot;
};

/// A template as the Mustache library is given it: without parts, comments and line breaks, and
/// with the number of a slot for each name. Its delimiters are control characters, which no
/// template holds.
struct Program {
  std::string text;
  std::vector<Slot> slots;
};

inline constexpr char kSlotBegins = '\x01';
inline constexpr char kSlotEnds = '\x02';
/// What the slot kEnd is filled in with. The library drops a last line that holds sections and
/// nothing that is seen; which lines are dropped is decided while templates are read.
inline constexpr char kEndMark = '.';

tl::expected<Program, TextFault> make_program(std::string_view text, const Rules& rules);

}  // namespace tocsin::templates
