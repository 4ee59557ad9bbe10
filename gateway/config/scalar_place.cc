// A template is a language inside YAML, and its faults are to be found in the file that the
// operator has open. YAML's parser keeps only where a scalar begins, so the way from there is gone
// again; what is not certain to be right is not told at all.

#include "gateway/config/scalar_place.h"

#include <algorithm>

#include "gateway/config/source_text.h"

namespace tocsin::config {

namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

std::size_t bytes_of_characters(std::string_view line, std::size_t characters) {
  std::size_t at = 0;
  for (; characters > 0 && at < line.size(); --characters) {
    do ++at;
    while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U);
  }
  return at;
}

// Behind the opening quote; each step takes one byte of the text.
std::size_t in_quotes(std::string_view source, std::size_t at, std::string_view text,
                      std::size_t offset, char quote) {
  constexpr std::string_view kEscaped = "0abt\tnvfre \"/\\";
  constexpr std::string_view kMeaning("\0\a\b\t\t\n\v\f\r\x1b \"/\\", 14);
  for (std::size_t i = 0; i < offset; ++i) {
    if (at + 1 >= source.size() || source[at] == '\n' || source[at] == '\r') return kNowhere;
    char meant = source[at];
    if (quote == '\'' && meant == '\'') {
      ++at;  // the second of two
    } else if (quote == '"' && meant == '\\') {
      const std::size_t known = kEscaped.find(source[++at]);
      if (known == kNowhere) return kNowhere;
      meant = kMeaning[known];
    }
    if (meant != text[i]) return kNowhere;
    ++at;
  }
  return at;
}

// Below `|`: a line of the source is a line of the text, behind the indentation of the first one
// that holds anything.
std::size_t in_block(const SourceText& source, std::size_t header, std::string_view text,
                     std::size_t offset) {
  std::size_t indent = kNowhere;
  for (std::size_t line = header + 1; indent == kNowhere; ++line) {
    if (line >= source.line_count()) return kNowhere;
    indent = source.line(line).find_first_not_of(' ');
  }
  const std::string_view before = text.substr(0, offset);
  std::size_t line = header + 1;
  for (const char c : before) line += c == '\n' ? 1 : 0;
  const std::size_t begin = before.rfind('\n') == kNowhere ? 0 : before.rfind('\n') + 1;
  const std::string_view content = source.line(line);
  const std::string_view own = text.substr(begin, text.find('\n', begin) - begin);
  if (content.substr(std::min(indent, content.size())) != own) return kNowhere;
  return source.offset(line, indent + (offset - begin));
}

}  // namespace

std::optional<Place> place_in_scalar(std::string_view source, const Place& scalar,
                                     std::string_view text, std::size_t offset) {
  if (scalar.line == 0 || scalar.column == 0 || offset > text.size()) return std::nullopt;
  const SourceText lines(source, scalar.file);
  const std::size_t header = scalar.line - 1;
  const std::size_t at =
      lines.offset(header, bytes_of_characters(lines.line(header), scalar.column - 1));
  if (at >= source.size()) return std::nullopt;
  std::size_t found = kNowhere;
  if (source[at] == '"' || source[at] == '\'') {
    found = in_quotes(source, at + 1, text, offset, source[at]);
  } else if (source[at] == '|') {
    found = in_block(lines, header, text, offset);
  } else if (source.substr(at, offset) == text.substr(0, offset)) {
    found = at + offset;
  }
  return found > source.size() ? std::nullopt : std::optional(lines.place_at(found));
}

}  // namespace tocsin::config
