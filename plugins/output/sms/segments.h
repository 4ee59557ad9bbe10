#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::output_sms {

/// How a text message travels: in seven bits a character as long as all of them are in the GSM
/// alphabet (3GPP TS 23.038), else in UTF-16.
enum class Alphabet : std::uint8_t { kGsm7, kUcs2 };

/// What a message costs. Several segments lose seven septets, or three units, each to the header
/// that joins them: 160, then 153; 70, then 67. No character stands in two segments.
struct Segments {
  Alphabet alphabet = Alphabet::kGsm7;
  std::size_t units = 0;  ///< septets, an extension character being two; UTF-16 units
  std::size_t count = 1;
};
Segments segments_of(std::string_view text);

/// "1 segment of GSM-7", "3 segments of UCS-2"
std::string text_of(const Segments& segments);

}  // namespace tocsin::output_sms
