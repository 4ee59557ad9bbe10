#include "encoding.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "tocsin/sdk/cut.hpp"

namespace tocsin::output_smtp {

namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::size_t kBodyColumnsMax = 76;
constexpr std::size_t kBytesOfLine = kBodyColumnsMax / 4 * 3;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// RFC 2047 2: an encoded word has 75 characters at most. Around it stand `=?UTF-8?B?` and `?=`.
constexpr std::string_view kWordBegin = "=?UTF-8?B?";
constexpr std::string_view kWordEnd = "?=";
constexpr std::size_t kWordColumnsMax = 75;

// Without line breaks.
void append_base64_run(std::string& out, std::string_view bytes) {
  const std::size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4 + 1);  // and the zero that is written behind
  ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data() + start),
                    reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()));
  out.pop_back();
}

constexpr std::array<std::int8_t, 256> make_base64_values() {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    values[static_cast<unsigned char>(kLetters[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}
constexpr std::array<std::int8_t, 256> kBase64Values = make_base64_values();

bool is_blank_or_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f;
}

// Runs of blanks and controls as one blank, none at the ends, and only well-formed UTF-8.
std::string one_line(std::string_view text) {
  std::string out;
  bool blank = false;
  while (!text.empty()) {
    const sdk::cut::CodePoint point = sdk::cut::first_of(text);
    const std::string_view bytes = text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
    // Line and paragraph separators and the controls of Latin-1 are as good as line ends.
    const bool separates = point.value == 0x2028 || point.value == 0x2029 ||
                           (point.value >= 0x80 && point.value < 0xA0);
    if (separates || (point.bytes == 1 && is_blank_or_control(bytes[0]))) {
      blank = true;
      continue;
    }
    if (blank && !out.empty()) out.push_back(' ');
    blank = false;
    const bool malformed = point.bytes == 1 && point.value == 0xFFFD;
    out.append(malformed ? kReplacement : bytes);
  }
  return out;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::size_t longest_word(std::string_view text) {
  std::size_t longest = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  return longest;
}

// Appends the words of a line with blanks between them, or line ends where it is full. `column` is
// where the last line is.
void append_folded(std::string& out, std::string_view text, std::size_t& column) {
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (!first && column + 1 + end > kColumnsMax) {
      out.append("\r\n");
      column = 0;
    }
    if (!first) {
      out.push_back(' ');
      ++column;
    }
    out.append(text.substr(0, end));
    column += end;
    first = false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// One encoded word a line, apart from the first, which goes on where the field's name ends.
void append_encoded_words(std::string& out, std::string_view text, std::size_t& column) {
  constexpr std::size_t kAround = kWordBegin.size() + kWordEnd.size();
  bool first = true;
  while (!text.empty()) {
    if (!first) {
      out.append("\r\n ");
      column = 1;
    }
    const std::size_t room = std::min(kWordColumnsMax, kColumnsMax - std::min(column, kColumnsMax));
    const std::size_t bytes = room > kAround + 4 ? (room - kAround) / 4 * 3 : 0;
    std::size_t fits = bytes < 4 ? 0 : sdk::fitting_prefix(text, bytes, sdk::CutUnit::kBytes);
    if (fits == 0 && !first) fits = sdk::cut::first_of(text).bytes;
    first = false;
    if (fits == 0) continue;  // nothing beside a long name: the next line
    const std::size_t before = out.size();
    out.append(kWordBegin);
    append_base64_run(out, text.substr(0, fits));
    out.append(kWordEnd);
    column += out.size() - before;
    text.remove_prefix(fits);
  }
}

void append_quoted(std::string& out, char c, bool ends_line) {
  const bool blank = c == ' ' || c == '\t';
  if ((c > 0x20 && c < 0x7f && c != '=') || (blank && !ends_line)) return out.push_back(c);
  const auto byte = static_cast<unsigned char>(c);
  out.push_back('=');
  out.push_back(kHex[byte >> 4U]);
  out.push_back(kHex[byte & 15U]);
}

// A display name as it may stand before an address (RFC 5322 3.2.4).
void append_phrase(std::string& out, const std::string& name, std::size_t& column) {
  if (!is_ascii(name) || name.find("=?") != std::string::npos ||
      longest_word(name) > kColumnsMax / 2) {
    return append_encoded_words(out, name, column);
  }
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  append_folded(out, quoted, column);
}

}  // namespace

void append_text_field(std::string& out, std::string_view name, std::string_view value) {
  const std::string text = one_line(value);
  out.append(name).append(": ");
  std::size_t column = name.size() + 2;
  const bool plain = is_ascii(text) && text.find("=?") == std::string::npos &&
                     longest_word(text) + column <= kColumnsMax;
  if (plain) {
    append_folded(out, text, column);
  } else {
    append_encoded_words(out, text, column);
  }
  out.append("\r\n");
}

void append_mailbox_field(std::string& out, std::string_view name, std::string_view display_name,
                          std::string_view address) {
  const std::string shown = one_line(display_name);
  if (shown.empty()) return append_plain_field(out, name, address);
  out.append(name).append(": ");
  std::size_t column = name.size() + 2;
  append_phrase(out, shown, column);
  out.append(column + address.size() + 3 > kColumnsMax ? "\r\n <" : " <");
  out.append(address).append(">\r\n");
}

void append_plain_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  std::size_t column = name.size() + 2;
  append_folded(out, one_line(value), column);
  out.append("\r\n");
}

void append_base64(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, kBytesOfLine);
    append_base64_run(out, line);
    out.append("\r\n");
    bytes.remove_prefix(line.size());
  }
}

bool append_decoded_base64(std::string& out, std::string_view text) {
  const std::size_t start = out.size();
  std::uint32_t bits = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    const std::int8_t value = kBase64Values[static_cast<unsigned char>(c)];
    if (c == '=' && padding < 2) {
      ++padding;
      continue;
    }
    if (value < 0 || padding > 0) {
      out.resize(start);
      return false;
    }
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    if (++digits % 4 != 0) continue;
    out.push_back(static_cast<char>(bits >> 16U & 0xFFU));
    out.push_back(static_cast<char>(bits >> 8U & 0xFFU));
    out.push_back(static_cast<char>(bits & 0xFFU));
  }
  const std::size_t left = digits % 4;
  const bool whole = left == 0 ? padding == 0 : left > 1 && left + padding == 4;
  if (!whole) {
    out.resize(start);
    return false;
  }
  if (left >= 2) out.push_back(static_cast<char>(bits >> (left == 2 ? 4U : 10U) & 0xFFU));
  if (left == 3) out.push_back(static_cast<char>(bits >> 2U & 0xFFU));
  return true;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (text[i] == '\r' || text[i] == '\n') {
      out.append("\r\n");
    } else {
      out.push_back(text[i]);
    }
  }
  if (!out.empty() && !out.ends_with("\r\n")) out.append("\r\n");
  return out;
}

bool prefers_quoted_printable(std::string_view text) {
  const auto escaped = std::count_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x7f || c == '=' || (byte < 0x20 && c != '\r' && c != '\n' && c != '\t');
  });
  return static_cast<std::size_t>(escaped) * 6 <= text.size();
}

void append_quoted_printable(std::string& out, std::string_view text) {
  std::size_t line = out.size();  // where the last line of `out` begins
  std::string letter;
  while (!text.empty()) {
    if (text.starts_with("\r\n")) {
      out.append("\r\n");
      line = out.size();
      text.remove_prefix(2);
      continue;
    }
    const std::string_view bytes = text.substr(0, sdk::cut::first_of(text).bytes);
    const std::string_view behind = text.substr(bytes.size());
    const bool ends_line = behind.empty() || behind.starts_with("\r\n");
    letter.clear();
    for (const char c : bytes) append_quoted(letter, c, ends_line);
    const std::size_t room = kBodyColumnsMax - (ends_line ? 0 : 1);  // for the soft break's "="
    if (out.size() - line + letter.size() > room) {
      out.append("=\r\n");
      line = out.size();
    }
    const bool from = out.size() == line && text.starts_with("From ");
    out.append(from ? "=46" : letter);
    text.remove_prefix(bytes.size());
  }
}

}  // namespace tocsin::output_smtp
