// Cutting a text at a limit that a provider sets. Standard library only, and no part of the
// contract: the gateway's templates cut with it as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::sdk {

/// What a limit counts.
enum class CutUnit : std::uint8_t {
  kBytes,
  kCodePoints,  ///< what most providers call characters
  kUtf16        ///< what those count who are written in JavaScript or Java
};

/// Ends a text that was cut: U+2026, three bytes, one of the other units.
inline constexpr std::string_view kCutMarker = "\xE2\x80\xA6";

namespace cut {

/// Marks that belong to the letter before them are kept with it, up to so many: a text that is
/// nothing but marks is cut all the same.
inline constexpr std::size_t kMarksMax = 32;

struct CodePoint {
  char32_t value;
  std::uint8_t bytes;
};

/// The first one of a text that is not empty. A byte that begins no well-formed sequence (RFC 3629)
/// is one of its own, U+FFFD.
constexpr CodePoint first_of(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&byte](std::size_t i) -> char32_t { return byte(i) & 0x3FU; };
  const auto continues = [&byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xC2 && lead < 0xE0 && continues(1)) return {(lead & 0x1FU) << 6U | tail(1), 2};
  if (lead >= 0xE0 && lead < 0xF0 && continues(1) && continues(2)) {
    const char32_t value = (lead & 0x0FU) << 12U | tail(1) << 6U | tail(2);
    if (value >= 0x800 && (value < 0xD800 || value > 0xDFFF)) return {value, 3};
  }
  if (lead >= 0xF0 && lead < 0xF5 && continues(1) && continues(2) && continues(3)) {
    const char32_t value = (lead & 0x07U) << 18U | tail(1) << 12U | tail(2) << 6U | tail(3);
    if (value >= 0x10000 && value <= 0x10FFFF) return {value, 4};
  }
  return {0xFFFD, 1};
}

constexpr std::size_t cost(CodePoint point, CutUnit unit) {
  if (unit == CutUnit::kBytes) return point.bytes;
  return unit == CutUnit::kUtf16 && point.value > 0xFFFF ? 2 : 1;
}

constexpr char32_t kJoiner = 0x200D;

/// Whether the code point is drawn with the one before it. No full UAX #29, whose tables change
/// each year: combining marks of the scripts in wide use, what follows an emoji, and joiners.
constexpr bool is_mark(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  constexpr Range kRanges[] = {
      {0x0300, 0x036F},   {0x0483, 0x0489},   {0x0591, 0x05BD},   {0x05BF, 0x05BF},
      {0x05C1, 0x05C2},   {0x05C4, 0x05C5},   {0x05C7, 0x05C7},   {0x0610, 0x061A},
      {0x064B, 0x065F},   {0x0670, 0x0670},   {0x06D6, 0x06DC},   {0x06DF, 0x06E4},
      {0x06E7, 0x06E8},   {0x06EA, 0x06ED},   {0x0900, 0x0903},   {0x093A, 0x093C},
      {0x093E, 0x094F},   {0x0951, 0x0957},   {0x0962, 0x0963},   {0x0981, 0x0983},
      {0x09BC, 0x09BC},   {0x09BE, 0x09CD},   {0x0B82, 0x0B82},   {0x0BBE, 0x0BCD},
      {0x0E31, 0x0E31},   {0x0E34, 0x0E3A},   {0x0E47, 0x0E4E},   {0x1160, 0x11FF},
      {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},   {kJoiner, kJoiner}, {0x20D0, 0x20FF},
      {0x3099, 0x309A},   {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F},   {0x1F3FB, 0x1F3FF},
      {0xE0020, 0xE007F}, {0xE0100, 0xE01EF},
  };
  if (c < kRanges[0].first) return false;
  for (const Range& range : kRanges) {
    if (c <= range.last) return c >= range.first;
  }
  return false;
}

constexpr bool is_flag_half(char32_t c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }

}  // namespace cut

/// How many units the text has.
constexpr std::size_t units_of(std::string_view text, CutUnit unit) {
  if (unit == CutUnit::kBytes) return text.size();
  std::size_t units = 0;
  while (!text.empty()) {
    const cut::CodePoint point = cut::first_of(text);
    units += cut::cost(point, unit);
    text.remove_prefix(point.bytes);
  }
  return units;
}

/// How many bytes at the front have at most `max` units and can stand alone: they end in front of a
/// letter with its marks, never inside a UTF-8 sequence. Looks at no more than these bytes.
constexpr std::size_t fitting_prefix(std::string_view text, std::size_t max, CutUnit unit) {
  if (text.size() <= max) return text.size();  // in no unit there are more of them than bytes
  std::size_t at = 0;
  std::size_t used = 0;
  std::size_t letter = 0;  // where the one begins that `at` may be a mark of
  std::size_t marks = 0;
  char32_t before = 0;
  bool half_flag = false;
  while (at < text.size()) {
    const cut::CodePoint point = cut::first_of(text.substr(at));
    const bool pairs = half_flag && cut::is_flag_half(point.value);
    const bool joined = at != 0 && (cut::is_mark(point.value) || before == cut::kJoiner || pairs);
    marks = joined ? marks + 1 : 0;
    if (!joined) letter = at;
    used += cut::cost(point, unit);
    if (used > max) return letter == 0 || marks > cut::kMarksMax ? at : letter;
    half_flag = cut::is_flag_half(point.value) && !pairs;
    before = point.value;
    at += point.bytes;
  }
  return at;
}

/// Appends the text if it has at most `max` units, or else its beginning and the marker, which have
/// at most so many together (a marker that has no room is left out). Whether anything was cut.
inline bool append_cut(std::string& out, std::string_view text, std::size_t max, CutUnit unit,
                       std::string_view marker = kCutMarker) {
  if (fitting_prefix(text, max, unit) == text.size()) {
    out.append(text);
    return false;
  }
  const std::size_t marker_units = units_of(marker, unit);
  const bool marked = marker_units <= max;
  out.append(text.substr(0, fitting_prefix(text, marked ? max - marker_units : max, unit)));
  if (marked) out.append(marker);
  return true;
}

}  // namespace tocsin::sdk
