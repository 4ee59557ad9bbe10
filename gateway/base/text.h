#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tocsin {

/// ASCII only, as header names and units are; other bytes compare as they are.
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

/// Only ASCII digits, or nothing.
constexpr bool is_digits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

/// Cuts spaces and tabs at both ends.
std::string_view trim(std::string_view text);

/// The candidate nearest to `word` when it is near enough to be a slip of the keyboard (Damerau
/// distance at most a third of the word's length, at least 1), or else the only one that lengthens
/// or shortens it ("warn" and "warning"; three letters at least). Upper and lower case are alike.
std::optional<std::string_view> closest(std::string_view word,
                                        std::span<const std::string_view> candidates);

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so the
/// result is always valid JSON. Control characters are escaped, those of C1 among them.
void append_json_string(std::string& out, std::string_view text);

/// How many bytes at the front are well-formed UTF-8 (no surrogates, no overlong forms).
std::size_t utf8_prefix(std::string_view text);

inline bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

}  // namespace tocsin
