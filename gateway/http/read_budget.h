#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tocsin::http {

/// Counts the bytes of a message while it is parsed and says how many may follow before a limit
/// must be looked at again. A parser that cuts its input there holds its limits to the byte,
/// wherever the network cut it. A piece of input is all head or all body.
class ReadBudget {
 public:
  /// Bytes that frame a chunked body without being body: this many are free, and sixteen more for
  /// each body byte, so that one-byte chunks pass and endless extensions do not.
  static constexpr std::uint64_t kFramingFree = 16 * 1024;
  static constexpr std::uint64_t kFramingPerByte = 16;

  /// A new message follows.
  void begin() { *this = ReadBudget(); }
  /// Another head of the same message follows, as behind an informational one.
  void begin_head() { head_ = 0; }

  void read_head(std::size_t bytes) { head_ += bytes; }
  /// Behind the head, framing included.
  void read_behind_head(std::size_t bytes) { behind_head_ += bytes; }
  /// Of what lies behind the head, this much is body. Reported while the piece is being parsed.
  void found_body(std::size_t bytes) { body_ += bytes; }

  std::uint64_t head_bytes() const { return head_; }
  std::uint64_t body_bytes() const { return body_; }

  std::size_t head_left(std::size_t head_bytes_max) const {
    return head_bytes_max -
           static_cast<std::size_t>(std::min<std::uint64_t>(head_, head_bytes_max));
  }
  /// Between two pieces only.
  std::size_t framing_left() const {
    const std::uint64_t allowed = kFramingFree + kFramingPerByte * body_;
    return static_cast<std::size_t>(allowed - std::min(behind_head_ - body_, allowed));
  }

 private:
  std::uint64_t head_ = 0;
  std::uint64_t behind_head_ = 0;
  std::uint64_t body_ = 0;
};

}  // namespace tocsin::http
