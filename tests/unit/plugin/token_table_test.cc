#include "gateway/plugin/token_table.h"

#include <gtest/gtest.h>

#include <string>

namespace tocsin::plugin {
namespace {

using Table = TokenTable<std::string>;

TEST(TokenTable, NeverGivesZero) {
  Table table(1, 10);
  tocsin_token token = 0;
  ASSERT_NE(table.add(token), nullptr);
  EXPECT_NE(token, 0U);
}

TEST(TokenTable, ForgetsATokenThatIsOverThoughItsSlotLivesOn) {
  Table table(1, 10);
  tocsin_token first = 0;
  tocsin_token second = 0;
  ASSERT_NE(table.add(first), nullptr);
  EXPECT_NE(table.take(first), nullptr);
  ASSERT_NE(table.add(second), nullptr);
  EXPECT_NE(first, second);
  EXPECT_EQ(table.find(first), nullptr);
  EXPECT_EQ(table.take(first), nullptr);
  EXPECT_NE(table.find(second), nullptr);
}

TEST(TokenTable, KnowsNoTokenOfAnotherTable) {
  Table one(1, 10);
  Table other(2, 10);
  tocsin_token token = 0;
  tocsin_token unused = 0;
  ASSERT_NE(one.add(token), nullptr);
  ASSERT_NE(other.add(unused), nullptr);
  EXPECT_EQ(other.find(token), nullptr);
}

TEST(TokenTable, IsFullAtItsLimitAndHasRoomAgainAfterAnEnd) {
  Table table(1, 2);
  tocsin_token token = 0;
  ASSERT_NE(table.add(token), nullptr);
  ASSERT_NE(table.add(token), nullptr);
  tocsin_token refused = 0;
  EXPECT_EQ(table.add(refused), nullptr);
  EXPECT_EQ(refused, 0U);
  table.give_back(table.take(token));
  EXPECT_NE(table.add(refused), nullptr);
}

TEST(TokenTable, ReusesAnObjectThatWasGivenBack) {
  Table table(1, 10);
  tocsin_token token = 0;
  const std::string* first = table.add(token);
  table.give_back(table.take(token));
  EXPECT_EQ(table.add(token), first);
}

}  // namespace
}  // namespace tocsin::plugin
