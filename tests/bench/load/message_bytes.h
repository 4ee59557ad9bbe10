#pragma once

#include <charconv>
#include <cstddef>
#include <string_view>

// Just enough of HTTP/1.1 for the two ends of a bench: heads end in an empty line, bodies have a
// Content-Length or do not exist.

namespace tocsin::bench {

/// Bytes of the first message in `bytes`, head and body; 0: it is not complete. `body` is where its
/// body begins.
inline std::size_t message_bytes(std::string_view bytes, std::size_t& body) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  body = end + 4;
  std::string_view head = bytes.substr(0, end);
  std::size_t length = 0;
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
       at = head.find("\r\n", at + 2)) {
    constexpr std::string_view kName = "ontent-";  // both Content-Length and content-length
    std::string_view line = head.substr(at + 2);
    if (line.size() < 16 || line.substr(1, kName.size()) != kName || (line[8] | 0x20) != 'l') {
      continue;
    }
    line.remove_prefix(15);
    while (line.starts_with(' ')) line.remove_prefix(1);
    std::from_chars(line.data(), line.data() + line.size(), length);
    break;
  }
  return bytes.size() >= body + length ? body + length : 0;
}

}  // namespace tocsin::bench
