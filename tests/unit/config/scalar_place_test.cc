#include "gateway/config/scalar_place.h"

#include <gtest/gtest.h>

#include <memory>

namespace tocsin::config {
namespace {

// The byte of the text in front of "HERE", asked for in a file where the scalar begins at
// line:column; "line:column", or "nowhere".
std::string place(std::string_view source, std::uint32_t line, std::uint32_t column,
                  std::string_view text) {
  const Place scalar{std::make_shared<const std::string>("f"), line, column};
  const auto found = place_in_scalar(source, scalar, text, text.find("HERE"));
  if (!found) return "nowhere";
  return std::to_string(found->line) + ":" + std::to_string(found->column);
}

TEST(ScalarPlace, OfAPlainText) {
  EXPECT_EQ(place("a:\n  b: x HERE\n", 2, 6, "x HERE"), "2:8");
  EXPECT_EQ(place("\xC3\xA4: \xC3\xA4 HERE", 1, 4, "\xC3\xA4 HERE"), "1:6") << "characters count";
}

TEST(ScalarPlace, OfATextInQuotes) {
  EXPECT_EQ(place("b: \"x HERE\"", 1, 4, "x HERE"), "1:7");
  EXPECT_EQ(place(R"(b: "a\n\"\\HERE")", 1, 4, "a\n\"\\HERE"), "1:12");
  EXPECT_EQ(place("b: 'it''s HERE'", 1, 4, "it's HERE"), "1:11");
}

TEST(ScalarPlace, OfALiteralBlock) {
  EXPECT_EQ(place("b: |\n  one\n\n    two HERE\nc: 1\n", 1, 4, "one\n\n  two HERE\n"), "4:9");
  EXPECT_EQ(place("b: |-\n\n  HERE", 1, 4, "\nHERE"), "3:3");
  EXPECT_EQ(place("b: |\r\n  one\r\n  HERE\r\n", 1, 4, "one\nHERE\n"), "3:3");
}

TEST(ScalarPlace, IsNotGuessed) {
  EXPECT_EQ(place("b: >\n  one\n  HERE\n", 1, 4, "one HERE\n"), "nowhere");
  EXPECT_EQ(place("b: \"x\n  HERE\"", 1, 4, "x HERE"), "nowhere");
  EXPECT_EQ(place(R"(b: "\u0041HERE")", 1, 4, "AHERE"), "nowhere");
  EXPECT_EQ(place("b: \"${A}HERE\"", 1, 4, "filledHERE"), "nowhere");
  EXPECT_EQ(place("b: |1\n   HERE\n", 1, 4, "  HERE\n"), "nowhere");
  EXPECT_EQ(place("b: x", 7, 1, "HERE"), "nowhere");
  EXPECT_EQ(place("", 1, 1, "HERE"), "nowhere");
}

}  // namespace
}  // namespace tocsin::config
