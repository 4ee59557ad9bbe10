#include "gateway/policy/siphash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tocsin::policy {
namespace {

// The key 00 01 .. 0f and the inputs 00, 00 01, ... of the paper's appendix.
constexpr HashSeed kPaperKey{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

std::string paper_input(std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += static_cast<char>(i);
  return text;
}

TEST(SipHash, GivesThePaperItsDueWithTwoAndFourRounds) {
  EXPECT_EQ((siphash<2, 4>(kPaperKey, paper_input(0))), 0x726fdb47dd0e0e31u);
  EXPECT_EQ((siphash<2, 4>(kPaperKey, paper_input(15))), 0xa129ca6149be45e5u);
}

TEST(SipHash, DependsOnTheSeedAndOnEveryByte) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::size_t length = 0; length < 40; ++length) {
      seen.insert(siphash(HashSeed{seed, 0}, std::string(length, '\0')));
    }
  }
  EXPECT_EQ(seen.size(), 400u);
}

}  // namespace
}  // namespace tocsin::policy
