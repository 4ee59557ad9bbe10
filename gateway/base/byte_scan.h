#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

// Looking for certain bytes eight at a time. Texts are most of what comes in, and a loop over
// single bytes costs more than all that is done with them.

namespace tocsin::scan {

/// Eight bytes, of which the first in memory is the lowest.
inline std::uint64_t load(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

inline constexpr std::uint64_t kEach = 0x0101010101010101;
inline constexpr std::uint64_t kHigh = 0x8080808080808080;

// The high bit of each byte that is what is asked for. Bytes above the first hit may be marked
// wrongly: what counts is whether there is one, and the first.
inline std::uint64_t below(std::uint64_t word, unsigned char limit) {  // at most 0x80
  return (word - kEach * limit) & ~word & kHigh;
}
inline std::uint64_t equal(std::uint64_t word, unsigned char byte) {
  return below(word ^ kEach * byte, 1);
}
inline std::uint64_t controls(std::uint64_t word) { return below(word, 0x20) | equal(word, 0x7F); }

/// Which of the eight bytes the first mark is.
inline std::size_t first(std::uint64_t marks) {
  return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

inline bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// Where the first control character of `text` at or behind `from` is: its size if there is none.
inline std::size_t find_control(std::string_view text, std::size_t from = 0) {
  std::size_t at = from;
  for (; at + 8 <= text.size(); at += 8) {
    if (const std::uint64_t marks = controls(load(text.data() + at))) return at + first(marks);
  }
  while (at < text.size() && !is_control(text[at])) ++at;
  return at;
}

inline bool holds_control(std::string_view text) { return find_control(text) < text.size(); }

/// As a header's value may not: it may hold tabs.
inline bool holds_control_but_tab(std::string_view text) {
  std::size_t at = find_control(text);
  while (at < text.size() && text[at] == '\t') at = find_control(text, at + 1);
  return at < text.size();
}

}  // namespace tocsin::scan
