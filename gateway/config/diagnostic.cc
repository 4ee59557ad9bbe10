// How faults are shown. The form is the one editors and CI systems already know from compilers, so
// that a click on a message opens the file at the right place.

#include "gateway/config/diagnostic.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "gateway/base/text.h"

namespace tocsin::config {

namespace {

constexpr std::size_t kShownLineMax = 120;  // columns of a source line; longer ones are cut around
constexpr std::size_t kShownBefore = 60;    // the caret

struct Colours {
  std::string_view place = "\x1b[1m";
  std::string_view caret = "\x1b[1;31m";
  std::string_view off = "\x1b[0m";
};

// Splits into characters, so that carets count what a person sees. What a terminal must not get
// becomes '?': control bytes and bytes that are not UTF-8.
std::vector<std::string_view> characters_of(std::string_view line) {
  std::vector<std::string_view> characters;
  while (!line.empty()) {
    const std::size_t longest = std::min<std::size_t>(4, line.size());
    std::size_t length = 1;
    while (length < longest && !is_utf8(line.substr(0, length))) ++length;
    const bool whole = is_utf8(line.substr(0, length));
    if (!whole) length = 1;
    const auto byte = static_cast<unsigned char>(line[0]);
    if (byte == '\t') {
      characters.emplace_back(" ");
    } else if (!whole || byte < 0x20 || byte == 0x7F) {
      characters.emplace_back("?");
    } else {
      characters.push_back(line.substr(0, length));
    }
    line.remove_prefix(length);
  }
  return characters;
}

void append_source_line(std::string& out, const Place& place, std::string_view line,
                        const Colours& colours) {
  const std::vector<std::string_view> characters = characters_of(line);
  const std::size_t caret = std::max<std::size_t>(place.column, 1) - 1;
  std::size_t first = 0;
  if (characters.size() > kShownLineMax && caret > kShownBefore) first = caret - kShownBefore;
  const std::size_t last = std::min(characters.size(), first + kShownLineMax);

  std::string number = std::to_string(place.line);
  number.insert(0, number.size() < 5 ? 5 - number.size() : 0, ' ');
  out.append(number).append(" | ");
  if (first > 0) out += "...";
  for (std::size_t i = first; i < last; ++i) out += characters[i];
  if (last < characters.size()) out += "...";
  out.append("\n").append(number.size(), ' ').append(" | ");
  out.append(caret - first + (first > 0 ? 3 : 0), ' ');
  out.append(colours.caret).append("^").append(colours.off).append("\n");
}

}  // namespace

void sort_by_place(Diagnostics& diagnostics) {
  const auto key = [&](std::size_t i) {
    const Place& place = diagnostics[i].place;
    const std::string_view file = place.file ? std::string_view(*place.file) : std::string_view();
    return std::tuple(file, place.line, place.column, i);
  };
  std::vector<std::size_t> order(diagnostics.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  Diagnostics sorted;
  sorted.reserve(order.size());
  for (const std::size_t i : order) sorted.push_back(std::move(diagnostics[i]));
  diagnostics = std::move(sorted);
}

std::shared_ptr<const std::string> SourceFiles::add(std::string name, std::string text) {
  auto shared = std::make_shared<const std::string>(name);
  texts_.insert_or_assign(std::move(name), std::move(text));
  return shared;
}

std::string_view SourceFiles::text(const std::string& name) const {
  const auto found = texts_.find(name);
  return found == texts_.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::string_view> SourceFiles::line(const Place& place) const {
  if (place.file == nullptr || place.line == 0) return std::nullopt;
  const auto found = texts_.find(*place.file);
  if (found == texts_.end()) return std::nullopt;
  std::string_view rest = found->second;
  for (std::uint32_t line = 1; line < place.line; ++line) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(end + 1);
  }
  std::string_view line = rest.substr(0, rest.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void append_text(std::string& out, const Diagnostics& diagnostics, const SourceFiles& sources,
                 const PrintStyle& style) {
  const Colours colours = style.colour ? Colours() : Colours{"", "", ""};
  const std::size_t shown = std::min(diagnostics.size(), style.shown_max);
  for (std::size_t i = 0; i < shown; ++i) {
    const Diagnostic& d = diagnostics[i];
    out.append(colours.place).append(d.place.text()).append(":").append(colours.off).append(" ");
    if (!d.path.empty()) out.append(d.path).append(": ");
    out.append(d.message).append("\n");
    const std::optional<std::string_view> line = sources.line(d.place);
    if (line && !d.hide_source) append_source_line(out, d.place, *line, colours);
    if (!d.hint.empty()) out.append("  hint: ").append(d.hint).append("\n");
  }
  if (shown < diagnostics.size()) {
    out.append("and ").append(std::to_string(diagnostics.size() - shown)).append(" more\n");
  }
}

std::string one_line(const Diagnostic& diagnostic) {
  std::string text = diagnostic.place.text() + ": ";
  if (!diagnostic.path.empty()) text += diagnostic.path + ": ";
  text += diagnostic.message;
  if (!diagnostic.hint.empty()) text += "; " + diagnostic.hint;
  return text;
}

}  // namespace tocsin::config
