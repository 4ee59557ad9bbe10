#include "gateway/app/heap_trim.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

constexpr std::size_t kMuch = HeapTrimRule::kWorthwhileBytes;

TEST(HeapTrimRule, WaitsUntilABurstIsOver) {
  HeapTrimRule rule;
  EXPECT_FALSE(rule.due({kMuch, 4 * kMuch})) << "it may have ended this moment";
  EXPECT_FALSE(rule.due({4 * kMuch, kMuch})) << "it had not";
  EXPECT_FALSE(rule.due({kMuch, 4 * kMuch}));
  EXPECT_TRUE(rule.due({kMuch, 4 * kMuch}));
}

TEST(HeapTrimRule, LeavesLittleAlone) {
  HeapTrimRule rule;
  for (int look = 0; look < 3; ++look) EXPECT_FALSE(rule.due({0, kMuch - 1}));
  for (int look = 0; look < 3; ++look) EXPECT_FALSE(rule.due({2 * kMuch, 2 * kMuch}));
}

TEST(HeapTrimRule, TriesAgainOnlyForMoreThanTheLastTrimLeft) {
  HeapTrimRule rule;
  rule.trimmed({0, 2 * kMuch});
  for (int look = 0; look < 3; ++look) EXPECT_FALSE(rule.due({0, 4 * kMuch}));
  EXPECT_FALSE(rule.due({0, 5 * kMuch}));
  EXPECT_TRUE(rule.due({0, 5 * kMuch}));
}

TEST(HeapTrimRule, WaitsAgainAfterATrim) {
  HeapTrimRule rule;
  EXPECT_FALSE(rule.due({0, kMuch}));
  EXPECT_TRUE(rule.due({0, kMuch}));
  EXPECT_FALSE(rule.due({0, kMuch}));
}

}  // namespace
}  // namespace tocsin::app
