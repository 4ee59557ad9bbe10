#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tocsin::policy {

/// A secret that makes the order of a hash table unpredictable to those who choose the keys.
struct HashSeed {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

/// SipHash with `kCompress` rounds a word and `kFinish` at the end (Aumasson and Bernstein, 2012).
/// Tables use 1-3: keys come from clients, and a plain hash would let them pile up in one bucket.
template <int kCompress = 1, int kFinish = 3>
std::uint64_t siphash(const HashSeed& seed, std::string_view text) {
  std::uint64_t v0 = seed.first ^ 0x736f6d6570736575u;
  std::uint64_t v1 = seed.second ^ 0x646f72616e646f6du;
  std::uint64_t v2 = seed.first ^ 0x6c7967656e657261u;
  std::uint64_t v3 = seed.second ^ 0x7465646279746573u;
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  };
  const auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    rounds(kCompress);
    v0 ^= word;
  };
  static_assert(std::endian::native == std::endian::little, "words are read as they lie");
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    absorb(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  for (int shift = 0; at < text.size(); ++at, shift += 8) {
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[at])) << shift;
  }
  absorb(last);
  v2 ^= 0xff;
  rounds(kFinish);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace tocsin::policy
