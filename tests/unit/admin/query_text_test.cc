#include "gateway/admin/query_text.h"

#include <gtest/gtest.h>

#include <array>

namespace tocsin::admin {
namespace {

constexpr std::array<std::string_view, 2> kKnown = {"output", "limit"};

std::string fault(std::string_view query) {
  const auto read = read_query(query, kKnown);
  return read ? "none" : read.error().what;
}

TEST(QueryText, ReadsParametersDecoded) {
  const auto read = read_query("output=a%2Fb+c&limit=%31%30", kKnown);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].name, "output");
  EXPECT_EQ((*read)[0].value, "a/b c");
  EXPECT_EQ((*read)[1].value, "10");
}

TEST(QueryText, IsEmptyForNone) { EXPECT_TRUE(read_query("", kKnown)->empty()); }

TEST(QueryText, NamesWhatIsUnknownAndWhatIsKnown) {
  EXPECT_EQ(fault("outputs=a"), "unknown parameter \"outputs\"; there is output and limit");
  EXPECT_EQ(read_query("a=b", {}).error().what, "unknown parameter \"a\"; this takes none");
}

TEST(QueryText, RefusesWhatItCannotUse) {
  EXPECT_EQ(fault("limit=1&limit=2"), "limit is given twice");
  EXPECT_EQ(fault("limit"), "limit has no value");
  EXPECT_EQ(fault("limit="), "limit has no value");
  EXPECT_EQ(fault("limit=%4"), "the value of limit is not well encoded");
  EXPECT_EQ(fault("limit=%FF"), "the value of limit is not well encoded");
  EXPECT_EQ(fault("%zz=1"), "the query is not well encoded");
}

}  // namespace
}  // namespace tocsin::admin
