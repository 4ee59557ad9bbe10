// Templates made by chance, together with what they must become.

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "gateway/base/json_reader.h"
#include "gateway/base/text.h"
#include "tests/unit/template/rendered.h"

namespace tocsin::templates {
namespace {

constexpr std::string_view kData =
    R"({"t": "a<b", "f": false, "n": 7, "e": [], "l": [{"v": "1"}, {"v": "2"}, {"v": "3"}]})";

// A piece of a template, and its text inside an item ("" outside of any).
struct Piece {
  std::string text;
  std::function<std::string(const std::string& item)> meaning;
};

class Pieces {
 public:
  explicit Pieces(unsigned seed) : random_(seed) {}

  Piece any(int depth) {
    Piece whole{"", [](const std::string&) { return std::string(); }};
    for (unsigned i = 1 + random_() % 4; i > 0; --i) {
      Piece next = one(depth);
      whole.text += next.text;
      whole.meaning = [before = std::move(whole.meaning), after = std::move(next.meaning)](
                          const std::string& item) { return before(item) + after(item); };
    }
    return whole;
  }

 private:
  static Piece same(std::string text, std::string meaning) {
    return {std::move(text),
            [meaning = std::move(meaning)](const std::string&) { return meaning; }};
  }

  Piece one(int depth) {
    switch (random_() % (depth > 0 ? 9 : 5)) {
      case 0:
        return same(" x } { ", " x } { ");
      case 1:
        return same("{{t}}", "a&lt;b");
      case 2:
        return same("{{{t}}}{{! gone }}{{n}}", "a<b7");
      case 3:
        return same("{{none}}{{e}}", "");
      case 4:
        return {"{{v}}", [](const std::string& item) { return item; }};
      case 5:
        return around("{{#l}}", "{{/l}}", depth, [](const auto& inner, const std::string&) {
          return inner("1") + inner("2") + inner("3");
        });
      case 6:
        return around("{{^e}}", "{{/e}}", depth,
                      [](const auto& inner, const std::string& item) { return inner(item); });
      case 7:
        return around("{{#t}}", "{{/t}}", depth,
                      [](const auto& inner, const std::string& item) { return inner(item); });
      default:
        return around("{{#f}}", "{{/f}}", depth,
                      [](const auto&, const std::string&) { return std::string(); });
    }
  }

  template <typename Means>
  Piece around(std::string_view open, std::string_view close, int depth, Means means) {
    Piece inner = any(depth - 1);
    return {std::string(open) + inner.text + std::string(close),
            [means, meaning = std::move(inner.meaning)](const std::string& item) {
              return means(meaning, item);
            }};
  }

  std::mt19937 random_;
};

TEST(TemplateProperties, WhatWasComposedMeansWhatItsPiecesMean) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    const Piece piece = Pieces(seed).any(4);
    const std::string text = "{{#data}}" + piece.text + "{{/data}}";
    EXPECT_EQ(rendered_with(text, kData, {.escape = Escape::kHtml}), piece.meaning("")) << text;
  }
}

TEST(TemplateProperties, AnyTextInAJsonStringIsAJsonString) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string body;
    for (std::size_t i = random() % 20; i > 0; --i) body += static_cast<char>(random() % 128);
    std::string data;
    append_json_string(data, body);
    const std::string text =
        rendered_with("{\"a\": \"{{#data}}{{.}}{{/data}}\"}", data, {.escape = Escape::kJson});
    const Result<Value> read = read_json(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->string("a"), body);
  }
}

}  // namespace
}  // namespace tocsin::templates
