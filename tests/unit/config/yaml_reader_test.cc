#include "gateway/config/yaml_reader.h"

#include <gtest/gtest.h>

#include <random>

#include "gateway/config/limits.h"

namespace tocsin::config {
namespace {

tl::expected<Node, Diagnostics> read(std::string_view text) {
  return read_yaml(text, std::make_shared<const std::string>("f"));
}

std::string fault_of(std::string_view text) {
  const auto node = read(text);
  return node ? "accepted" : one_line(node.error().front());
}

TEST(YamlReader, KeepsThePlacesOfKeysAndValues) {
  const auto root = read("a: 1\nb:\n  - x\n  - {k: 'v'}\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->entries[0].key_place.text(), "f:1:1");
  EXPECT_EQ(root->entries[0].value.place.text(), "f:1:4");
  const Node& list = root->entries[1].value;
  EXPECT_EQ(list.items[0].place.text(), "f:3:5");
  EXPECT_EQ(list.items[1].entries[0].key_place.text(), "f:4:6");
  EXPECT_EQ(list.items[1].entries[0].value.place.text(), "f:4:9");
}

TEST(YamlReader, CountsCharactersAndNotBytes) {
  const auto root = read("größe: {ü: 1}\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->entries[0].value.place.text(), "f:1:8");
  EXPECT_EQ(root->entries[0].value.entries[0].value.place.text(), "f:1:12");
}

TEST(YamlReader, TellsQuotedTextFromPlain) {
  const auto root = read("a: \"1\"\nb: '1'\nc: 1\nd: |\n  1\ne: ~\nf: \"~\"\n");
  ASSERT_TRUE(root);
  EXPECT_TRUE(root->entries[0].value.quoted);
  EXPECT_TRUE(root->entries[1].value.quoted);
  EXPECT_FALSE(root->entries[2].value.quoted);
  EXPECT_TRUE(root->entries[3].value.quoted);
  EXPECT_EQ(root->entries[3].value.text, "1\n");
  EXPECT_EQ(root->entries[4].value.kind, Node::Kind::kNull);
  EXPECT_EQ(root->entries[5].value.text, "~");
}

TEST(YamlReader, GivesAnEmptyTextAsNothing) {
  for (const char* text : {"", "\n", "# only\n", "---\n", "~\n"}) {
    const auto root = read(text);
    ASSERT_TRUE(root) << text;
    EXPECT_EQ(root->kind, Node::Kind::kNull) << text;
  }
}

TEST(YamlReader, ReportsAllDuplicateKeysOfAFile) {
  const auto root = read("a: 1\na: 2\nb: {c: 1, c: 2, c: 3}\n");
  ASSERT_FALSE(root);
  ASSERT_EQ(root.error().size(), 3U);
  EXPECT_EQ(root.error()[2].hint, "it is already at f:3:5: keep one of the two");
}

TEST(YamlReader, CopiesAliases) {
  const auto root = read("a: &x {k: [1, 2]}\nb: *x\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->entries[1].value.entries[0].value.items.size(), 2U);
}

TEST(YamlReader, BoundsDepthWithAliasesToo) {
  std::string text = "a0: &a0 [1]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string n = std::to_string(i);
    text += "a" + n + ": &a" + n + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_NE(fault_of(text).find("nested deeper than 50"), std::string::npos);
}

TEST(YamlReader, BoundsTheTextThatAliasesMultiply) {
  std::string text = "a: &a \"" + std::string(60'000, 'x') + "\"\nb: [";
  for (int i = 0; i < 400; ++i) text += "*a,";
  EXPECT_NE(fault_of(text + "*a]\n").find("16MiB of text"), std::string::npos);
}

TEST(YamlReader, BoundsTheNumberOfValues) {
  std::string text;
  for (std::size_t i = 0; i < kNodesMax / 10 + 1; ++i) text += "- [1,2,3,4,5,6,7,8,9]\n";
  EXPECT_NE(fault_of(text).find("more than 200000 values"), std::string::npos);
}

TEST(YamlReader, BoundsFilesAndLines) {
  EXPECT_NE(fault_of(std::string(kFileBytesMax + 1, '\n')).find("larger than 4MiB"),
            std::string::npos);
  EXPECT_NE(fault_of("a: " + std::string(kLineBytesMax, 'x')).find("longer than 64KiB"),
            std::string::npos);
}

TEST(YamlReader, FindsAQuoteThatIsNeverClosed) {
  EXPECT_NE(fault_of("a: \"x").find("f:1:4: this quoted text is never closed"), std::string::npos);
  EXPECT_NE(fault_of("a: 'it''s").find("never closed"), std::string::npos);
  EXPECT_NE(fault_of("a: \"x\\\"").find("never closed"), std::string::npos);
  EXPECT_EQ(fault_of("a: 'it''s'"), "accepted");
  EXPECT_EQ(fault_of("a: \"x\\\"\""), "accepted");
  EXPECT_EQ(fault_of("a: \"two\n  lines\"\n# \" in a comment"), "accepted");
}

TEST(YamlReader, LeavesTrapsInsideATextAlone) {
  EXPECT_EQ(fault_of("a: x {{y}} ${Z} >= 1\nb: \"{{y}}\"\nc: '${Z}'\nd: |\n  {{y}}\n"), "accepted");
}

TEST(YamlReader, SurvivesEveryCutAndEveryFlippedByte) {
  const std::string good =
      "a: &x {k: [1, \"two\", 'three']}\nb: *x\nc: |\n  text\n  more\nd:\n  - e: ~\n  - "
      "\"${F:g}\"\n";
  for (std::size_t cut = 0; cut <= good.size(); ++cut) {
    const auto node = read(std::string_view(good).substr(0, cut));
    ASSERT_TRUE(node || !node.error().empty());
  }
  std::mt19937 random(10);
  for (int i = 0; i < 5'000; ++i) {
    std::string text = good;
    for (int flips = 0; flips < 3; ++flips) {
      text[random() % text.size()] = static_cast<char>(random() % 128);
    }
    const auto node = read(text);
    ASSERT_TRUE(node || !node.error().front().message.empty());
  }
}

}  // namespace
}  // namespace tocsin::config
