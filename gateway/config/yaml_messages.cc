// yaml-cpp speaks of "illegal map value"; an operator has a second colon on the line. One row for
// each message its scanner and parser can produce on text we let through.

#include "gateway/config/yaml_messages.h"

#include <array>

namespace tocsin::config {

namespace {

struct Meaning {
  std::string_view parser_start;
  std::string_view message;
  std::string_view hint;
};

constexpr std::string_view kMisfit = "this line does not fit what stands above it";
constexpr std::string_view kMisfitHint =
    "indent it exactly as its neighbours; an item begins with - and a space, a key ends with a "
    "colon";

constexpr std::array<Meaning, 20> kMeanings = {{
    {"illegal map value", "a second colon stands on this line, or the line is indented wrongly",
     "quote a value that holds a colon and a space; indent a key exactly as its neighbours"},
    {"illegal map key", "a key cannot stand here", "check the indentation of this line"},
    {"illegal block entry", "a list item (-) cannot stand here",
     "put it on a line of its own, indented under its key"},
    {"illegal flow end", "this closing bracket was never opened",
     "remove it, or quote the value it belongs to"},
    {kTabInIndentation, "a tab is used for indentation", "indent with spaces only"},
    {"end of map not found", kMisfit, kMisfitHint},
    {"end of sequence not found", kMisfit, kMisfitHint},
    {"end of map flow not found", "a comma or } is missing here", ""},
    {"end of sequence flow not found", "a comma or ] is missing here", ""},
    {"illegal EOF in scalar", "a quoted text is never closed",
     "close it with the quote it began with"},
    {"illegal document indicator in scalar", "a quoted text is not closed before this line",
     "close it with the quote it began with"},
    {"illegal character in scalar", "this character cannot stand in a text here", "quote the text"},
    {"unknown escape character", "there is no such escape in a double-quoted text",
     "write a backslash as \\\\, or use single quotes"},
    {"bad character found while scanning hex",
     "an escape such as \\x41 or \\u20ac needs hex digits",
     "write a backslash as \\\\, or use single quotes"},
    {"invalid unicode", "this escape names no Unicode character", "write the character itself"},
    {"unexpected character in block scalar",
     "after | or > only an indentation digit, + or - may follow",
     "begin the text on the next line, or quote a value that begins with | or >"},
    {"cannot set zero indentation", "a block of text cannot be indented by 0",
     "leave the digit after | or > out"},
    {"the referenced anchor is not defined",
     "this alias names an anchor that is not defined above it",
     "define it with &name, or quote the value if it should begin with *"},
    {"alias not found after *", "a name is missing after *",
     "quote the value if it should begin with *"},
    {"unknown token", "YAML has no meaning for this character here",
     "quote the value it belongs to"},
}};

}  // namespace

bool is_unclosed_flow(std::string_view parser_message) {
  return parser_message == "end of map flow not found" ||
         parser_message == "end of sequence flow not found";
}

Diagnostic yaml_fault(std::string_view parser_message) {
  Diagnostic fault;
  for (const Meaning& meaning : kMeanings) {
    if (!parser_message.starts_with(meaning.parser_start)) continue;
    fault.message = meaning.message;
    fault.hint = meaning.hint;
    return fault;
  }
  fault.message = "this is not YAML: " + std::string(parser_message);
  return fault;
}

}  // namespace tocsin::config
