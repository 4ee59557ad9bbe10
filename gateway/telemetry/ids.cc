#include "gateway/telemetry/ids.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>

#include "gateway/base/assert.h"

namespace tocsin::telemetry {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// splitmix64 spreads a small seed over the whole state, as the authors of xoshiro advise.
std::uint64_t splitmix(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

// What a lower-case hex digit counts, by character; -1 for every other.
constexpr std::array<int, 256> kHexValues = [] {
  std::array<int, 256> values;
  values.fill(-1);
  for (int i = 0; i < 16; ++i) {
    values[static_cast<unsigned char>(kHexDigits[i])] = i;
  }
  return values;
}();

// At most 16 digits. One look at the end tells whether any was wrong.
std::optional<std::uint64_t> parse_hex(std::string_view digits) {
  std::uint64_t bits = 0;
  int wrong = 0;
  for (const char c : digits) {
    const int value = kHexValues[static_cast<unsigned char>(c)];
    wrong |= value;
    bits = bits << 4 | static_cast<std::uint64_t>(value & 15);
  }
  if (wrong < 0) return std::nullopt;
  return bits;
}

}  // namespace

std::optional<std::uint64_t> parse_hex64(std::string_view digits) {
  if (digits.size() != 16) return std::nullopt;
  return parse_hex(digits);
}

std::optional<std::uint8_t> parse_hex8(std::string_view digits) {
  if (digits.size() != 2) return std::nullopt;
  const auto bits = parse_hex(digits);
  if (!bits) return std::nullopt;
  return static_cast<std::uint8_t>(*bits);
}

void write_hex64(std::uint64_t bits, char* to) {
  for (int i = 0; i < 16; ++i) {
    to[i] = kHexDigits[bits >> 60];
    bits <<= 4;
  }
}

std::array<char, 32> TraceId::hex() const {
  std::array<char, 32> digits;
  write_hex64(high, digits.data());
  write_hex64(low, digits.data() + 16);
  return digits;
}

std::array<char, 16> SpanId::hex() const {
  std::array<char, 16> digits;
  write_hex64(bits, digits.data());
  return digits;
}

IdSource::IdSource() {
  std::size_t done = 0;
  while (done < sizeof(state_)) {
    const ssize_t got =
        getrandom(reinterpret_cast<char*>(state_.data()) + done, sizeof(state_) - done, 0);
    if (got > 0) done += static_cast<std::size_t>(got);
    TOCSIN_ASSERT(got > 0 || errno == EINTR, "the kernel gives no random bytes");
  }
  // The generator stands still on a state of zeros.
  if ((state_[0] | state_[1] | state_[2] | state_[3]) == 0) state_[0] = 1;
}

IdSource::IdSource(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = splitmix(seed);
}

IdSource& IdSource::of_this_thread() {
  thread_local IdSource source;
  return source;
}

std::uint64_t IdSource::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

TraceId IdSource::trace_id() {
  TraceId id;
  while (!id.valid()) id = {next(), next()};
  return id;
}

SpanId IdSource::span_id() {
  SpanId id;
  while (!id.valid()) id = {next()};
  return id;
}

RequestId IdSource::request_id() { return {trace_id().hex()}; }

}  // namespace tocsin::telemetry
