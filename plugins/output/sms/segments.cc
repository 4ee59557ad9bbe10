#include "segments.h"

#include <algorithm>
#include <array>

#include "tocsin/sdk/cut.hpp"

namespace tocsin::output_sms {

namespace {

// Of the GSM alphabet, what is beyond ASCII; ascending.
constexpr std::array<char32_t, 39> kBeyondAscii = {
    0xA1, 0xA3, 0xA4, 0xA5,  0xA7,  0xBF,  0xC4,  0xC5,  0xC6,  0xC7,  0xC9,  0xD1,  0xD6,
    0xD8, 0xDC, 0xDF, 0xE0,  0xE4,  0xE5,  0xE6,  0xE8,  0xE9,  0xEC,  0xF1,  0xF2,  0xF6,
    0xF8, 0xF9, 0xFC, 0x393, 0x394, 0x398, 0x39B, 0x39E, 0x3A0, 0x3A3, 0x3A6, 0x3A8, 0x3A9};
constexpr std::u32string_view kExtension = U"\f^{}\\[~]|\u20AC";

// Septets of a character; 0: the alphabet has none for it.
std::size_t septets_of(char32_t c) {
  if (kExtension.find(c) != kExtension.npos) return 2;
  if (c == '\n' || c == '\r') return 1;
  if (c < 0x80) return c >= 0x20 && c != '`' && c != 0x7F ? 1 : 0;
  return std::binary_search(kBeyondAscii.begin(), kBeyondAscii.end(), c) ? 1 : 0;
}

std::size_t utf16_of(char32_t c) { return c > 0xFFFF ? 2 : 1; }

struct Room {
  std::size_t alone;
  std::size_t joined;
};
constexpr Room kGsm7Room = {160, 153};
constexpr Room kUcs2Room = {70, 67};

bool is_gsm7(std::string_view text) {
  while (!text.empty()) {
    const sdk::cut::CodePoint point = sdk::cut::first_of(text);
    if (septets_of(point.value) == 0) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

}  // namespace

Segments segments_of(std::string_view text) {
  Segments segments;
  if (!is_gsm7(text)) segments.alphabet = Alphabet::kUcs2;
  const bool gsm7 = segments.alphabet == Alphabet::kGsm7;
  const Room room = gsm7 ? kGsm7Room : kUcs2Room;
  std::size_t filled = 0;  // of the last segment, were it one of several
  std::size_t several = 1;
  while (!text.empty()) {
    const sdk::cut::CodePoint point = sdk::cut::first_of(text);
    const std::size_t cost = gsm7 ? septets_of(point.value) : utf16_of(point.value);
    if (filled + cost > room.joined) {
      ++several;
      filled = 0;
    }
    filled += cost;
    segments.units += cost;
    text.remove_prefix(point.bytes);
  }
  segments.count = segments.units <= room.alone ? 1 : several;
  return segments;
}

std::string text_of(const Segments& segments) {
  return std::to_string(segments.count) + (segments.count == 1 ? " segment of " : " segments of ") +
         (segments.alphabet == Alphabet::kGsm7 ? "GSM-7" : "UCS-2");
}

}  // namespace tocsin::output_sms
