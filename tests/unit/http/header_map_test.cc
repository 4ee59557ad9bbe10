#include "gateway/http/header_map.h"

#include <gtest/gtest.h>

#include <string>

namespace tocsin::http {
namespace {

HeaderMap map_of(std::initializer_list<Header> fields) {
  HeaderMap map;
  for (const Header& field : fields) EXPECT_TRUE(map.add(field.name, field.value));
  return map;
}

std::string text_of(const HeaderMap& map) {
  std::string text;
  for (const Header& field : map.all())
    text.append(field.name).append("=").append(field.value).append(" ");
  return text;
}

TEST(HeaderMap, FindsTheFirstFieldOfANameWithoutCase) {
  const HeaderMap map = map_of({{"A", "1"}, {"b", "2"}, {"a", "3"}});
  EXPECT_EQ(map.find("a"), "1");
  EXPECT_EQ(map.find("B"), "2");
  EXPECT_EQ(map.find("c"), std::nullopt);
  EXPECT_EQ(map.count("A"), 2U);
  EXPECT_TRUE(map.has("B"));
}

TEST(HeaderMap, SetReplacesAllFieldsOfTheNameInTheFirstOnesPlace) {
  HeaderMap map = map_of({{"x", "0"}, {"A", "1"}, {"y", "2"}, {"a", "3"}, {"z", "4"}, {"a", "5"}});
  EXPECT_TRUE(map.set("a", "new"));
  EXPECT_EQ(text_of(map), "x=0 A=new y=2 z=4 ");
}

TEST(HeaderMap, SetAddsWhatIsMissing) {
  HeaderMap map = map_of({{"x", "0"}});
  EXPECT_TRUE(map.set("y", "1"));
  EXPECT_EQ(text_of(map), "x=0 y=1 ");
}

TEST(HeaderMap, RemoveTakesAllFieldsOfTheNameAndCountsThem) {
  HeaderMap map = map_of({{"a", "1"}, {"b", "2"}, {"A", "3"}});
  EXPECT_EQ(map.remove("a"), 2U);
  EXPECT_EQ(text_of(map), "b=2 ");
  EXPECT_EQ(map.remove("a"), 0U);
}

TEST(HeaderMap, IsFullAfterItsLastPlace) {
  HeaderMap map;
  for (std::size_t i = 0; i < HeaderMap::kFieldsMax; ++i) ASSERT_TRUE(map.add("a", "1"));
  EXPECT_FALSE(map.add("b", "2"));
  EXPECT_FALSE(map.set("b", "2"));
  EXPECT_EQ(map.size(), HeaderMap::kFieldsMax);
  EXPECT_TRUE(map.set("a", "2")) << "a name that is there needs no place";
  EXPECT_EQ(map.size(), 1U);
}

TEST(HeaderMap, FindsTokensInListsOverAllFieldsOfTheName) {
  const HeaderMap map = map_of({{"Connection", "keep-alive ,\tUpgrade"}, {"connection", ",,x,"}});
  EXPECT_TRUE(map.list_has("connection", "keep-alive"));
  EXPECT_TRUE(map.list_has("Connection", "upgrade"));
  EXPECT_TRUE(map.list_has("connection", "X"));
  EXPECT_FALSE(map.list_has("connection", "keep"));
  EXPECT_FALSE(map.list_has("connection", "alive"));
  EXPECT_FALSE(map.list_has("upgrade", "x"));
}

TEST(HeaderMap, CopiesOnlyWhatIsThere) {
  const HeaderMap map = map_of({{"a", "1"}});
  const HeaderMap copy = map;
  EXPECT_EQ(text_of(copy), "a=1 ");
}

TEST(Token, IsANonEmptyRunOfTokenBytes) {
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
  EXPECT_FALSE(is_token(""));
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool mark =
        byte != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    EXPECT_EQ(is_token(std::string_view(&c, 1)), alnum || mark) << byte;
  }
}

TEST(FieldValue, HasNoControlBytesAndNoSpaceAtItsEnds) {
  EXPECT_TRUE(is_field_value(""));
  EXPECT_TRUE(is_field_value("a \t\xff b"));
  for (const std::string bad : {" a", "a ", "\ta", "a\t", "a\r", "a\nb", "a\x7f"})
    EXPECT_FALSE(is_field_value(bad));
  EXPECT_FALSE(is_field_value(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace tocsin::http
