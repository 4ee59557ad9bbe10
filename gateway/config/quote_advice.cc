// Templates, variables and comparisons are this gateway's daily bread, and all of them begin with a
// character that means something else in YAML: `{{x}}` is a mapping in a mapping, `>= 5` a folded
// text, `*.example.com` an alias. YAML's own complaint then points somewhere else and says nothing
// of quotes. This file looks for such values so that the operator reads "quote it" instead.

#include "gateway/config/quote_advice.h"

#include <array>

namespace tocsin::config {

namespace {

struct Trap {
  std::string_view start;
  std::string_view reason;
  std::string_view example;
};

constexpr Trap kIpv6 = {"[", "YAML reads its brackets as a list", "[::1]:8080"};
constexpr std::array<Trap, 8> kTraps = {{
    {"{{", "YAML reads it as a mapping inside a mapping", "{{topic}}"},
    {"${", "in YAML a { can begin a mapping", "${NAME}"},
    {">=", "YAML reads it as a folded block of text", ">= 5"},
    {"*", "YAML reads it as an alias", "*.example.com"},
    {"!", "YAML reads it as a tag", "!done"},
    {"@", "YAML reserves this character", "@ops"},
    {"`", "YAML reserves this character", "`text`"},
    {"%", "YAML reserves this character", "%d"},
}};

// "[::1]:8080" or "[fe80::1]" as a bare value.
bool is_bare_ipv6(std::string_view value) {
  if (!value.starts_with('[')) return false;
  const std::string_view inside = value.substr(1, value.find_first_of("],") - 1);
  return inside.find(':') != std::string_view::npos &&
         inside.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

const Trap* trap_of(std::string_view value) {
  for (const Trap& trap : kTraps) {
    if (value.starts_with(trap.start)) return &trap;
  }
  return is_bare_ipv6(value) ? &kIpv6 : nullptr;
}

// Walks one line and calls `at_value` with the offset of everything that begins a value or a key.
template <typename AtValue>
void walk_values(std::string_view line, AtValue&& at_value) {
  bool expecting = true;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool blank_follows = i + 1 >= line.size() || line[i + 1] == ' ';
    if (c == ' ' || c == '\t') continue;
    if (c == '#' && (i == 0 || line[i - 1] == ' ')) return;
    if (expecting && (c == '"' || c == '\'')) {
      const std::size_t close = line.find(c, i + 1);
      if (close == std::string_view::npos) return;
      i = close;
      expecting = false;
      continue;
    }
    if (expecting && at_value(i)) return;
    const bool opens = c == '[' || c == '{' || c == ',';
    expecting = opens || ((c == ':' || c == '-' || c == '?') && blank_follows);
  }
}

}  // namespace

std::optional<Diagnostic> unquoted_trap(Place place, std::string_view value) {
  const Trap* trap = trap_of(value);
  if (trap == nullptr) return std::nullopt;
  Diagnostic fault;
  fault.place = std::move(place);
  fault.message = "a value that begins with " + std::string(trap->start) +
                  " needs quotes: " + std::string(trap->reason);
  if (trap == &kIpv6) fault.message = "an IPv6 address needs quotes: " + std::string(trap->reason);
  fault.hint =
      "put double quotes around the whole value, as in \"" + std::string(trap->example) + "\"";
  if (trap->start == "*") fault.hint += "; the anchor of an alias stands above it, as &name";
  return fault;
}

std::optional<Diagnostic> find_unquoted(const SourceText& source, std::size_t line_index) {
  for (std::size_t back = 0; back < 2 && back <= line_index; ++back) {
    const std::size_t index = line_index - back;
    const std::string_view line = source.line(index);
    std::optional<Diagnostic> found;
    walk_values(line, [&](std::size_t at) {
      found = unquoted_trap(source.place(index, at), line.substr(at));
      return found.has_value();
    });
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace tocsin::config
