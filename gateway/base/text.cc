#include "gateway/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace tocsin {

namespace {

constexpr std::size_t kSuggestionBytesMax = 64;  // nobody mistypes a longer word by a letter or two

// Optimal string alignment: insertions, deletions, changes and swaps of neighbours, each worth 1.
std::size_t slip_distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::uint8_t, kSuggestionBytesMax + 1>, 3> rows;
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<std::uint8_t>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = static_cast<std::uint8_t>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char x = to_lower(a[i - 1]);
      const char y = to_lower(b[j - 1]);
      int best = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && x == to_lower(b[j - 2]) && to_lower(a[i - 2]) == y;
      if (swapped) best = std::min(best, two_above[j - 2] + 1);
      row[j] = static_cast<std::uint8_t>(best);
    }
  }
  return rows[a.size() % 3][b.size()];
}

bool extends(std::string_view longer, std::string_view shorter) {
  constexpr std::size_t kTellingBytes = 3;
  return shorter.size() >= kTellingBytes && longer.size() > shorter.size() &&
         equals_ignoring_case(longer.substr(0, shorter.size()), shorter);
}

std::optional<std::string_view> only_extension(std::string_view word,
                                               std::span<const std::string_view> candidates) {
  std::optional<std::string_view> found;
  for (const std::string_view candidate : candidates) {
    if (!extends(candidate, word) && !extends(word, candidate)) continue;
    if (found) return std::nullopt;
    found = candidate;
  }
  return found;
}

bool continues(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

// The length of the well-formed sequence at the front of `text` (RFC 3629), or 0.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !continues(byte(1))) return 0;
  if (first < 0xE0) return 2;
  if (!continues(byte(2))) return 0;
  if (first < 0xF0) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = first == 0xF0 && byte(1) < 0x90;
  const bool too_large = first == 0xF4 && byte(1) > 0x8F;
  return overlong || too_large || !continues(byte(3)) ? 0 : 4;
}

// U+0080 to U+009F: terminals obey some of them (U+009B begins a command as ESC [ does).
bool is_c1(std::string_view text, std::size_t sequence) {
  return sequence == 2 && static_cast<unsigned char>(text[0]) == 0xC2 &&
         static_cast<unsigned char>(text[1]) < 0xA0;
}

bool plain_in_json(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

void append_escaped(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4U];
      out += kHex[c & 0xFU];
  }
}

}  // namespace

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<std::string_view> closest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kSuggestionBytesMax) return std::nullopt;
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::optional<std::string_view> found;
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > kSuggestionBytesMax) continue;
    const std::size_t distance = slip_distance(word, candidate);
    if (distance >= best) continue;
    best = distance;
    found = candidate;
  }
  return found ? found : only_extension(word, candidates);
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain_in_json(static_cast<unsigned char>(text[run]))) ++run;
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) break;
    const std::size_t sequence = utf8_sequence(text);
    if (is_c1(text, sequence)) {
      append_escaped(out, static_cast<unsigned char>(text[1]));
    } else if (sequence > 1) {
      out.append(text.substr(0, sequence));
    } else if (sequence == 1) {
      append_escaped(out, static_cast<unsigned char>(text[0]));
    } else {
      out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(std::max<std::size_t>(sequence, 1));
  }
  out += '"';
}

std::size_t utf8_prefix(std::string_view text) {
  std::size_t good = 0;
  while (good < text.size()) {
    const std::size_t sequence = utf8_sequence(text.substr(good));
    if (sequence == 0) break;
    good += sequence;
  }
  return good;
}

}  // namespace tocsin
