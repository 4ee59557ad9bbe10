#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin::telemetry {

/// 128 bits that name a trace; all zero means none.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool valid() const { return (high | low) != 0; }
  /// 32 lower-case hex digits.
  std::array<char, 32> hex() const;
  bool operator==(const TraceId&) const = default;
};

/// 64 bits that name a span; zero means none.
struct SpanId {
  std::uint64_t bits = 0;

  bool valid() const { return bits != 0; }
  /// 16 lower-case hex digits.
  std::array<char, 16> hex() const;
  bool operator==(const SpanId&) const = default;
};

/// Names one request in logs and towards both sides: 32 lower-case hex digits, random.
struct RequestId {
  std::array<char, 32> digits{};

  std::string_view view() const { return {digits.data(), digits.size()}; }
};

/// Exactly 16, or 2, lower-case hex digits as a number; anything else is nothing.
std::optional<std::uint64_t> parse_hex64(std::string_view digits);
std::optional<std::uint8_t> parse_hex8(std::string_view digits);

/// Writes 16 lower-case hex digits at `to`.
void write_hex64(std::uint64_t bits, char* to);

/// Makes ids from a fast generator (xoshiro256**). Unique, not secret: never a token or a key.
/// Belongs to one thread.
class IdSource {
 public:
  /// Seeds from the operating system.
  IdSource();
  /// The same seed gives the same ids; for tests.
  explicit IdSource(std::uint64_t seed);

  /// The calling thread's own, seeded at its first use.
  static IdSource& of_this_thread();

  /// Never all zero.
  TraceId trace_id();
  SpanId span_id();
  RequestId request_id();

 private:
  std::uint64_t next();

  std::array<std::uint64_t, 4> state_;
};

}  // namespace tocsin::telemetry
