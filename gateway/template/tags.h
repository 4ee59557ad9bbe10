#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace tocsin::templates {

/// What is wrong with a template's text and where.
struct TextFault {
  std::size_t offset = 0;  ///< the byte of the text
  std::string what;        ///< one sentence without a full stop
  std::string part;        ///< the part that the text is; empty: the template itself
};

/// A place in a text, for people: both count from 1, columns in characters.
struct Spot {
  std::uint32_t line = 1;
  std::uint32_t column = 1;

  /// "line 2, column 5"
  std::string text() const;
};
Spot spot_of(std::string_view text, std::size_t offset);

enum class TagKind : std::uint8_t {
  kText,       ///< as it stands, without line breaks
  kBreak,      ///< a line break, as it stands
  kVariable,   ///< {{x}}
  kUnescaped,  ///< {{{x}}} or {{&x}}
  kSection,    ///< {{#x}}
  kInverted,   ///< {{^x}}
  kEnd,        ///< {{/x}}
  kPart        ///< {{>x}}
};

/// A piece of a template. Views are into its text.
struct Tag {
  TagKind kind;
  std::string_view text;    ///< a tag's content without blanks around it
  std::size_t offset;       ///< where the content or the text begins
  std::string_view indent;  ///< kPart that stands alone in its line: the blanks before it
};

/// Cuts a template into pieces, as the Mustache specification 1.4 does: comments and tags that
/// change the delimiters are gone, and so are lines that hold nothing but one tag of a kind that
/// shows nothing. Whether sections match is not looked at.
tl::expected<std::vector<Tag>, TextFault> read_tags(std::string_view text);

}  // namespace tocsin::templates
